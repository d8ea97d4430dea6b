"""Imports go one way; read from the source, so that a lazy import inside a function counts too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

DOORS = {"tap", "sia", "ssap", "scs", "datalink", "calselector", "registry", "portal"}
SERVANTS = {"uws", "storage", "auth"}
ROOMS = {"app", "ingest", "simulator", "schema", "vo"} | DOORS | SERVANTS

MAY_IMPORT: dict[str, set[str]] = {
    "app": ROOMS,
    **{door: SERVANTS | {"schema", "vo"} for door in DOORS},
    **{servant: {"schema", "vo"} for servant in SERVANTS},
    "ingest": {"storage", "schema", "vo"},
    "simulator": set(),
    "schema": {"vo"},
    "vo": set(),
}

WITHOUT_FLASK_AND_SQL = ("vo/", "datalink/soda/cutout.py", "calselector/select.py")


def modules() -> list[Path]:
    return sorted(
        path.relative_to(ROOT) for room in ROOMS if (ROOT / room).is_dir() for path in (ROOT / room).rglob("*.py")
    )


def imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute, so that a reader sees the room"
            yield node.module or ""


@pytest.mark.parametrize("module", modules(), ids=str)
def test_a_module_imports_only_from_rooms_below_its_own(module: Path) -> None:
    room = module.parts[0]
    others = {name.split(".")[0] for name in imported(module)} & ROOMS - {room}
    assert others <= MAY_IMPORT[room], f"{module} imports from {sorted(others - MAY_IMPORT[room])}"


@pytest.mark.parametrize("module", modules(), ids=str)
def test_flask_appears_only_where_http_is_spoken(module: Path) -> None:
    if module.name == "routes.py" or module.parts[0] in {"app", "portal"}:
        return
    assert not {name for name in imported(module) if name.split(".")[0] in {"flask", "werkzeug"}}


@pytest.mark.parametrize("module", [m for m in modules() if str(m).startswith(WITHOUT_FLASK_AND_SQL)], ids=str)
def test_what_the_standards_share_knows_no_database(module: Path) -> None:
    assert not {name for name in imported(module) if name.split(".")[0] in {"flask", "sqlalchemy", "duckdb"}}


@pytest.mark.parametrize("module", [m for m in modules() if m.is_relative_to("tap/adql")], ids=str)
def test_the_language_knows_nothing_of_the_door(module: Path) -> None:
    assert not {name for name in imported(module) if name.startswith("tap") and not name.startswith("tap.adql")}


def test_every_root_folder_with_code_has_a_rule() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages <= ROOMS | {"bench"}
