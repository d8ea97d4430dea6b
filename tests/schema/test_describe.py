from __future__ import annotations

from typing import Any
from urllib.parse import quote

import astropy.units as u
import pyarrow as pa
import pytest
import sqlalchemy as sa
from astropy.io.votable.ucd import check_ucd

from schema.catalogue import Catalogue, PublishedSchema, PublishedTable
from schema.columns import column
from schema.describe import delimited, describe
from schema.published import HIDDEN, published
from schema.spatial.regions import REGION_COLUMNS
from vo.tables.field import Field, arrow_schema

# TAP 1.1, "Metadata: TAP_SCHEMA": the columns of each table with their datatypes.
STANDARD = {
    "schemas": {"schema_name": "char", "utype": "char", "description": "char", "schema_index": "int"},
    "tables": {
        "schema_name": "char", "table_name": "char", "table_type": "char", "utype": "char", "description": "char",
        "table_index": "int",
    },
    "columns": {
        "table_name": "char", "column_name": "char", "datatype": "char", "arraysize": "char", "xtype": "char",
        '"size"': "int", "description": "char", "utype": "char", "unit": "char", "ucd": "char", "indexed": "int",
        "principal": "int", "std": "int", "column_index": "int",
    },
    "keys": {
        "key_id": "char", "from_table": "char", "target_table": "char", "description": "char", "utype": "char",
    },
    "key_columns": {"key_id": "char", "from_column": "char", "target_column": "char"},
}  # fmt: skip


@pytest.fixture
def content() -> dict[str, list[dict[str, Any]]]:
    return {name: table.to_pylist() for name, table in describe(published("http://localhost")).items()}


def test_tap_schema_describes_itself_as_the_standard_does(content: dict[str, list[dict[str, Any]]]) -> None:
    for name, columns in STANDARD.items():
        found = {
            row["column_name"]: row["datatype"].replace("unicodeChar", "char")
            for row in content["columns"]
            if row["table_name"] == f"tap_schema.{name}"
        }
        assert found == columns


def test_every_column_has_a_ucd_and_units_as_the_vo_writes_them(content: dict[str, list[dict[str, Any]]]) -> None:
    for row in content["columns"]:
        assert check_ucd(row["ucd"], check_controlled_vocabulary=True), row
        if row["unit"] not in (None, "%"):  # astropy's reader of VOUnits has no percent sign
            u.Unit(row["unit"], format="vounit")
        if row["ucd"].startswith(("pos.eq.", "em.wl")):
            assert row["unit"], row


def test_positions_say_their_frame_and_wavelengths_their_medium(content: dict[str, list[dict[str, Any]]]) -> None:
    described = {(row["table_name"], row["column_name"]): row for row in content["columns"]}
    for (table, name), row in described.items():
        if row["ucd"].startswith("pos.eq.") or row["xtype"] == "adql:REGION":
            assert "ICRS" in row["description"], (table, name)
    for name in ("em_min", "em_max"):
        assert described["ivoa.obscore", name]["unit"] == "m"
        assert "vacuum" in described["ivoa.obscore", name]["description"].lower()


def test_the_rows_have_the_types_of_the_published_tables() -> None:
    catalogue = published("http://localhost")
    for name, table in describe(catalogue).items():
        (described,) = catalogue.find("tap_schema", name)
        assert table.schema == arrow_schema(described.fields)


def test_every_published_table_and_column_is_described(content: dict[str, list[dict[str, Any]]]) -> None:
    catalogue = published("http://localhost")
    assert [row["table_name"] for row in content["tables"]] == [table.qualified_name for table in catalogue]
    expected = [(table.qualified_name, field.name) for table in catalogue for field in table.fields]
    assert [(row["table_name"], row["column_name"].strip('"')) for row in content["columns"]] == expected
    assert not {row["column_name"] for row in content["columns"]} & {"row_id", *HIDDEN}


def test_all_that_must_not_be_null_is_there(content: dict[str, list[dict[str, Any]]]) -> None:
    catalogue = published("http://localhost")
    for name, rows in content.items():
        (table,) = catalogue.find("tap_schema", name)
        required = [column.name for column in table.table.columns if not column.nullable]
        assert required
        assert [row for row in rows for name in required if row[name] is None] == []


def test_keys_join_columns_that_exist(content: dict[str, list[dict[str, Any]]]) -> None:
    columns = {(row["table_name"], row["column_name"]): row["datatype"] for row in content["columns"]}
    keys = {row["key_id"]: row for row in content["keys"]}
    assert len(keys) == len(content["keys"])
    assert {row["key_id"] for row in content["key_columns"]} == set(keys)
    for row in content["key_columns"]:
        key = keys[row["key_id"]]
        source, target = (key["from_table"], row["from_column"]), (key["target_table"], row["target_column"])
        assert columns[source] == columns[target]


def test_the_utype_of_obscore_is_the_one_that_clients_look_for(content: dict[str, list[dict[str, Any]]]) -> None:
    (obscore,) = [row for row in content["tables"] if row["table_name"] == "ivoa.obscore"]
    assert obscore["utype"] == "ivo://ivoa.net/std/obscore#table-1.1"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("s_ra", "s_ra"),
        ("size", '"size"'),
        ("Distance", '"Distance"'),
        ("2mass", '"2mass"'),
        ("_id", '"_id"'),
        ("r mag", '"r mag"'),
        ('the "r" band', '"the ""r"" band"'),
        ("größe", '"größe"'),
        ("", '""'),
    ],
)
def test_names_that_queries_must_quote_are_quoted(name: str, written: str) -> None:
    assert delimited(name) == written


def test_a_catalogue_without_rows_to_join_has_no_keys_and_typed_columns() -> None:
    metadata = sa.MetaData()
    field = Field("flux", "double", arraysize="3", unit="Jy")
    own = PublishedTable("toy", "sources", sa.Table("sources", metadata, column(field), schema="toy"), "Toys.")
    standard = published("http://localhost").schemas[-1]
    content = describe(Catalogue((PublishedSchema("toy", "Toys.", (own,)), standard)))
    (flux,) = [row for row in content["columns"].to_pylist() if row["table_name"] == "toy.sources"]
    assert (flux["arraysize"], flux["size"], flux["unit"]) == ("3", 3, "Jy")
    assert "dbo.raw" not in content["keys"]["from_table"].to_pylist()
    assert content["keys"].schema.field(0).type == pa.string()


def test_tables_with_a_position_have_hidden_columns_and_the_others_none() -> None:
    for table in published("http://localhost"):
        hidden = tuple(column.name for column in table.table.columns if column.name not in table.columns)
        position = table.table.info.get("position")
        regions = [field.name for field in table.fields if field.xtype == "adql:REGION"]
        of_regions = tuple(f"{name}_{suffix}" for name in regions for suffix in REGION_COLUMNS)
        of_file = ("file_format",) if table.qualified_name == "ivoa.obscore" else ()
        assert hidden == of_file + (HIDDEN if position else ()) + of_regions
        assert set(position or ()) <= set(table.columns)


@pytest.mark.parametrize("base", ["http://localhost:8080", "http://localhost:8080/"])
def test_addresses_are_a_prefix_and_the_encoded_identifier(base: str) -> None:
    catalogue = published(base, "toy.example")
    (raw,) = catalogue.find("dbo", "raw")
    dp_id = "TOY.2026-01-01T00:00:00.000"
    computed = {name: prefix + quote(dp_id, safe="") for name, prefix in raw.table.info["computed"].items()}
    assert computed == {
        "access_url": "http://localhost:8080/files/TOY.2026-01-01T00%3A00%3A00.000",
        "datalink_url": "http://localhost:8080/datalink/links?ID=ivo%3A%2F%2Ftoy.example%2FID%3FTOY."
        "2026-01-01T00%3A00%3A00.000",
    }
