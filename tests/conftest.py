from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from databases import create_pg_sphere, execute, new_database, new_truth
from lxml import etree
from observed import Observed, observed_archive
from sqlalchemy.engine import make_url

from schema.embedded import EmbeddedServer
from schema.migrate import migrate
from schema.spatial.postgresql import install_functions
from schema.truth import Truth

SCHEMAS = {
    "http://www.ivoa.net/xml/VOTable/v1.3": "VOTable-v1.4.xsd",
    "http://www.ivoa.net/xml/VOSIAvailability/v1.0": "VOSIAvailability-v1.0.xsd",
    "http://www.ivoa.net/xml/VOSICapabilities/v1.0": "VOSICapabilities-v1.0.xsd",
    "http://www.ivoa.net/xml/VOSITables/v1.0": "VOSITables-v1.1.xsd",
    "http://www.ivoa.net/xml/VODataService/v1.1": "VODataService-v1.2.xsd",
    "http://www.ivoa.net/xml/ConeSearch/v1.0": "ConeSearch.xsd",
    "http://www.ivoa.net/xml/SIA/v1.1": "SIA.xsd",
    "http://www.ivoa.net/xml/SSA/v1.1": "SSA.xsd",
    "http://www.ivoa.net/xml/RegistryInterface/v1.0": "RegistryInterface.xsd",
    "http://www.ivoa.net/xml/TAPRegExt/v1.0": "TAPRegExt-v1.0-Erratum1.xsd",
    "http://www.ivoa.net/xml/UWS/v1.0": "UWS-v1.1.xsd",
}


@pytest.fixture(scope="session")
def truth_server() -> Iterator[str]:
    """Address of a PostgreSQL server: an embedded one, or that of QUIPU_DATABASE_URL, whose role may make databases."""
    address = os.environ.get("QUIPU_DATABASE_URL")
    if address is not None:
        yield address
        return
    # Not below pytest's own folder, which the account of the server cannot enter where we are root.
    folder = Path(tempfile.mkdtemp(prefix="quipu-test-"))
    try:
        server = EmbeddedServer(folder)
        try:
            address = server.url("postgres")
            execute(address, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            yield address
        finally:
            server.close()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def truth_template(truth_server: str) -> Iterator[str]:
    """Name of a database with all tables and no rows, to be copied."""
    with new_database(truth_server, "template") as address:
        truth = Truth(address)
        migrate(truth.engine)
        truth.close()
        yield str(make_url(address).database)


@pytest.fixture
def truth(truth_server: str, truth_template: str) -> Iterator[Truth]:
    """Truth of a new archive: a database of its own with all tables and no rows."""
    with new_truth(truth_server, truth_template) as truth:
        yield truth


@pytest.fixture
def pg_sphere(truth: Truth) -> None:
    """The extension pg_sphere in the truth, where the server has it; the embedded one has not."""
    create_pg_sphere(truth.engine)


@pytest.fixture(scope="session")
def sky_database(truth_server: str) -> Iterator[str]:
    """Address of a database with the functions of the sphere and no tables."""
    with new_database(truth_server, "sky") as address:
        engine = sa.create_engine(make_url(address).set(drivername="postgresql+psycopg2"), poolclass=sa.NullPool)
        with engine.begin() as connection:
            install_functions(connection)
        yield address


@pytest.fixture(scope="session")
def check_xml() -> Callable[[bytes], None]:
    """Judge of documents: the XML schemas of the IVOA; tests that ask for it are marked `testdata`."""
    folder = Path(os.environ.get("QUIPU_TESTDATA", "/nonexistent")).resolve() / "conformance" / "xsd"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("QUIPU_TESTDATA names no folder with conformance/xsd.")
        pytest.skip("QUIPU_TESTDATA is not set: no schemas to judge by.")
    imports = "".join(
        f'<import namespace="{namespace}" schemaLocation="{(folder / file).as_uri()}"/>'
        for namespace, file in SCHEMAS.items()
    )
    schema = etree.XMLSchema(etree.fromstring(f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>'))
    return lambda document: schema.assertValid(etree.fromstring(document))


@pytest.fixture(scope="session")
def stilts() -> Callable[..., str]:
    """Runs STILTS, which must end well; gives what it says, on both of its channels."""
    program = shutil.which("stilts")
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("STILTS must be installed.")
        pytest.skip("STILTS is not installed.")

    def run(*arguments: str) -> str:
        done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


@pytest.fixture(scope="session")
def observed(truth_server: str, truth_template: str) -> Iterator[Observed]:
    """Invented products, copied to a replica and served; no test changes them."""
    with observed_archive(truth_server, truth_template) as archive:
        yield archive
