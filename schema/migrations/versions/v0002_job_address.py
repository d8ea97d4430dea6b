"""Keep with a job of nobody the address that it came from: its turn in the queue and its list depend on that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    comment = "Network address of who made it, where that is anybody."
    op.add_column("job", sa.Column("address", sa.Text, comment=comment), schema="archive")
    op.create_index("job_by_start", "job", ["service", "start_time"], schema="archive")
