from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

SCHEMAS = {
    "http://www.ivoa.net/xml/VOTable/v1.3": "VOTable-v1.4.xsd",
    "http://www.ivoa.net/xml/VOSIAvailability/v1.0": "VOSIAvailability-v1.0.xsd",
    "http://www.ivoa.net/xml/VOSICapabilities/v1.0": "VOSICapabilities-v1.0.xsd",
    "http://www.ivoa.net/xml/VOSITables/v1.0": "VOSITables-v1.1.xsd",
    "http://www.ivoa.net/xml/VODataService/v1.1": "VODataService-v1.2.xsd",
    "http://www.ivoa.net/xml/TAPRegExt/v1.0": "TAPRegExt-v1.0-Erratum1.xsd",
}


@pytest.fixture(scope="session")
def check_xml() -> Callable[[bytes], None]:
    """Judge of documents: the XML schemas of the IVOA; tests that ask for it are marked `testdata`."""
    folder = Path(os.environ.get("QUIPU_TESTDATA", "/nonexistent")) / "conformance" / "xsd"
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
