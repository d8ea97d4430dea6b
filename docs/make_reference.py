"""Write the pages of docs/reference that are made from code: settings, commands, tables.

Run as ``python docs/make_reference.py``; with ``--check`` it writes nothing and names the pages that are old.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from app.cli import main
from app.config import settings
from schema.catalogue import Catalogue
from schema.published import published

PAGES = Path(__file__).parent / "reference"


def settings_page() -> str:
    """Every setting: name in the file, variable of the environment, default, meaning."""
    lines = [
        "# Settings",
        "",
        "An archive reads `quipu.toml` in its directory once, at the start of a command. The environment goes before",
        "the file, the file before the defaults. A name with a dot stands in a section: `server.port` is `port` under",
        "`[server]`.",
        "",
        "| setting | environment | default | meaning |",
        "|---|---|---|---|",
    ]
    for setting in settings():
        default = "" if setting.default is None else f"`{setting.default}`"
        lines.append(f"| `{setting.name}` | `{setting.variable}` | {default} | {setting.help} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Every command with its own help text."""
    lines = ["# Commands", ""]
    for path, command in _commands(main, "quipu"):
        context = click.Context(command, info_name=path, terminal_width=100, **main.context_settings)
        lines += [f"## {path}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], f"{path} {name}")


def tables_page(catalogue: Catalogue) -> str:
    """Every published table with its columns."""
    lines = [
        "# Tables",
        "",
        "What ADQL queries may name. The same descriptions are in `TAP_SCHEMA` and in every answer.",
        "",
    ]
    for table in catalogue:
        lines += [
            f"## {table.qualified_name}",
            "",
            table.description,
            "",
            "| column | type | unit | UCD | description |",
        ]
        lines += ["|---|---|---|---|---|"]
        for field in table.fields:
            kind = field.datatype + (f"({field.arraysize})" if field.arraysize else "")
            kind += f", {field.xtype}" if field.xtype else ""
            lines.append(
                f"| `{field.name}` | {kind} | {field.unit or ''} | {field.ucd or ''} | {field.description or ''} |"
            )
        lines.append("")
    return "\n".join(lines)


def pages() -> dict[Path, str]:
    """File and text of every page made here."""
    return {
        PAGES / "settings.md": settings_page(),
        PAGES / "commands.md": commands_page(),
        PAGES / "tables.md": tables_page(published("http://127.0.0.1:8080")),
    }


def write_pages() -> None:
    """Write all pages."""
    for file, text in pages().items():
        file.write_text(text, "utf-8")


def old_pages() -> list[str]:
    """Names of the pages that say something else than the code."""
    return [file.name for file, text in pages().items() if file.read_text("utf-8") != text]


if __name__ == "__main__":
    if "--check" not in sys.argv:
        write_pages()
    elif old := old_pages():
        sys.exit(f"{', '.join(old)}: run python docs/make_reference.py")
