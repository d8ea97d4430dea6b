"""A simulated night behind the doors of links, files, headers and packages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import flask
import sqlalchemy as sa
from commands import quipu
from databases import new_truth
from observed import on_socket

from app.config import Config, with_values
from app.links import add_links
from ingest.pipeline import Pipeline
from schema.obscore import obscore
from schema.truth import Truth
from storage.local import LocalStore
from storage.replicas import Replicas
from vo.vosi.availability import Availability

AUTHORITY = "toy.example"


@dataclass(frozen=True)
class Linked:
    """The archive, and where it listens."""

    truth: Truth
    replicas: Replicas
    night: Path
    app: flask.Flask
    url: str

    @property
    def client(self) -> flask.testing.FlaskClient:
        return self.app.test_client()

    def did(self, dp_id: str) -> str:
        with self.truth.engine.connect() as connection:
            return str(
                connection.execute(sa.select(obscore.c.obs_publisher_did).where(obscore.c.dp_id == dp_id)).scalar_one()
            )

    def dp_ids(self, *conditions: sa.ColumnElement[bool]) -> list[str]:
        with self.truth.engine.connect() as connection:
            return [
                *connection.execute(sa.select(obscore.c.dp_id).where(*conditions).order_by(obscore.c.dp_id)).scalars()
            ]


@contextmanager
def linked_archive(server: str, template: str, folder: Path) -> Iterator[Linked]:
    """Simulate a night, take it in, and serve its links."""
    night = folder / "night"
    quipu("simulate", "--night", "2024-03-10", "--out", night, "--frames", "24")
    store = LocalStore(folder / "store")
    with new_truth(server, template) as truth:
        pipeline = Pipeline(truth.engine, store, LocalStore(folder / "quarantine", "quarantine"), AUTHORITY)
        assert {outcome.state for outcome in pipeline.run(sorted(night.iterdir()))} == {"taken"}
        replicas = Replicas(truth.engine, {store.name: store})
        app = flask.Flask("archive")
        with on_socket(app) as url:
            config = with_values(Config(Path("/nonexistent")), base_url=url, authority=AUTHORITY)
            add_links(app, config, replicas, lambda: Availability(True, ("All is well.",)), soda_url=f"{url}/soda")
            yield Linked(truth, replicas, night, app, url)
