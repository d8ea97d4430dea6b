"""The table of UWS jobs."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schema.tables import metadata

_NOW = sa.text("timezone('UTC', now())")

PHASES = (
    "PENDING",
    "QUEUED",
    "EXECUTING",
    "COMPLETED",
    "ERROR",
    "ABORTED",
    "UNKNOWN",
    "HELD",
    "SUSPENDED",
    "ARCHIVED",
)
"""Names of phases, UWS 1.1, "Execution Phase"."""

_NAMES = ", ".join(f"'{phase}'" for phase in PHASES)

job = sa.Table(
    "job",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True, comment="Drawn at random; who knows it may use the job."),
    sa.Column("service", sa.Text, nullable=False, comment="Which service runs it: tap, soda."),
    sa.Column("run_id", sa.Text, comment="Free text of the client."),
    sa.Column("owner", sa.Text, comment="Who made it; NULL for anybody."),
    sa.Column("address", sa.Text, comment="Network address of who made it, where that is anybody."),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("creation_time", sa.DateTime, nullable=False, server_default=_NOW, comment="UTC."),
    sa.Column("queue_time", sa.DateTime, comment="When it was last put into the queue, UTC."),
    sa.Column("start_time", sa.DateTime, comment="UTC."),
    sa.Column("end_time", sa.DateTime, comment="UTC."),
    sa.Column("quote", sa.DateTime, comment="When it is expected to end, UTC."),
    sa.Column("execution_duration", sa.Integer, nullable=False, comment="Most seconds it may run; 0 for no limit."),
    sa.Column("destruction", sa.DateTime, nullable=False, comment="When it will be deleted, UTC."),
    sa.Column("parameters", postgresql.JSONB, nullable=False, comment="Names and values in the order given."),
    sa.Column("results", postgresql.JSONB, nullable=False, server_default=sa.text("'[]'")),
    sa.Column("error_summary", postgresql.JSONB),
    sa.Column("worker", sa.Text, comment="Which process runs it, or ran it last."),
    sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0"), comment="How often it was begun."),
    sa.CheckConstraint(f"phase IN ({_NAMES})", name="phase_is_known"),
    sa.CheckConstraint("execution_duration >= 0", name="execution_duration_is_not_negative"),
    sa.Index("job_queue", "service", "queue_time", postgresql_where=sa.text("phase = 'QUEUED'")),
    sa.Index("job_by_owner", "owner", "creation_time"),
    sa.Index("job_by_start", "service", "start_time"),
    sa.Index("job_by_destruction", "destruction"),
    schema="archive",
    comment="Asynchronous jobs.",
)
"""Asynchronous jobs, UWS 1.1, "Objects within a UWS"."""
