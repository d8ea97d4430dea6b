from __future__ import annotations

from schema.describe import describe
from schema.published import published
from tap.tableset import describe_tables


def test_tables_and_tap_schema_tell_the_same() -> None:
    catalogue = published("http://archive.example", "archive.example")
    rows = describe(catalogue)
    schemas = describe_tables(catalogue)
    tables = [table for schema in schemas for table in schema.tables]
    assert [schema.name for schema in schemas] == rows["schemas"]["schema_name"].to_pylist()
    assert [table.name for table in tables] == rows["tables"]["table_name"].to_pylist()
    assert [(table.name, field.name) for table in tables for field in table.fields] == list(
        zip(rows["columns"]["table_name"].to_pylist(), rows["columns"]["column_name"].to_pylist(), strict=True)
    )
    assert {(table.name, key.target_table) for table in tables for key in table.foreign_keys} == set(
        zip(rows["keys"]["from_table"].to_pylist(), rows["keys"]["target_table"].to_pylist(), strict=True)
    )


def test_a_name_that_is_a_reserved_word_is_quoted() -> None:
    schemas = describe_tables(published("http://archive.example"))
    (columns,) = [table for schema in schemas for table in schema.tables if table.name == "tap_schema.columns"]
    assert '"size"' in [field.name for field in columns.fields]
