"""A page with a table, for people with a browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

import pyarrow as pa
import pyarrow.compute as pc

from vo.tables.field import Field
from vo.tables.markup import escape_column, xml_attributes, xml_text
from vo.tables.pieces import split_batch
from vo.tables.stream import TableStream
from vo.tables.text import text_bytes, text_cells
from vo.tables.votable import Info, overflow_info

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem; color: #1b1f24; background: #fff }
pre { white-space: pre-wrap; background: #f4f5f7; padding: .7rem 1rem; border-radius: 6px }
div { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th { position: sticky; top: 0; background: #fff; border-bottom: 2px solid #8a94a0; text-align: left; cursor: pointer }
th small { display: block; font-weight: normal; color: #5d6873 }
th, td { padding: .25rem .7rem; vertical-align: top; white-space: nowrap }
td { border-bottom: 1px solid #e3e6ea; max-width: 32rem; overflow: hidden; text-overflow: ellipsis }
td.n { text-align: right }
@media (prefers-color-scheme: dark) {
  body, th { color: #e6e8eb; background: #16191d } pre { background: #22262b } a { color: #8ab8ff }
}
"""

# Numbers sort as numbers, empty cells last; a second click turns the order round.
_SCRIPT = """
for (const head of document.querySelectorAll("th")) head.onclick = () => {
  const at = head.cellIndex, body = head.closest("table").tBodies[0], up = head.dataset.up !== "1";
  head.dataset.up = up ? "1" : "0";
  const key = row => row.cells[at].textContent, number = body.querySelector(`td.n:nth-child(${at + 1})`) !== null;
  const rows = [...body.rows].map(row => [key(row), row]);
  rows.sort(([a], [b]) => a === "" || b === "" ? (a === "") - (b === "")
    : (up ? 1 : -1) * (number ? a - b : a.localeCompare(b)));
  body.append(...rows.map(([, row]) => row));
};
"""


def write_html(stream: TableStream, infos: Sequence[Info] = ()) -> Iterator[bytes]:
    """Write a table as an HTML page whose columns sort at a click, while its rows arrive.

    NULL is an empty cell. Addresses of http and https in columns of UCD ``meta.ref.url`` are links; everything else is
    escaped text. Units stand below the names, descriptions show at them, remarks stand above the table, and a sentence
    below tells of rows that were cut off. A failure among the rows is raised.

    Parameters
    ----------
    stream
        Closed at the end, also when the reader goes away.
    infos
        Remarks.
    """
    with closing(stream):
        remarks = "".join(f"<pre>{xml_text(_said(info))}</pre>\n" for info in infos)
        heads = "".join(map(_head, stream.fields))
        yield (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Result</title>\n'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
            f"<body>\n{remarks}<div><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n"
        ).encode()
        for batch in stream:
            for piece in split_batch(batch):
                yield _rows(piece, stream.fields)
        overflow = overflow_info(stream)
        count = "1 row." if stream.rows == 1 else f"{stream.rows} rows."
        sentence = overflow.text if overflow else count
        yield f"</tbody></table></div>\n<p>{sentence}</p>\n<script>{_SCRIPT}</script>\n</body></html>\n".encode()


def _said(info: Info) -> str:
    return info.value if info.name == "QUERY" else f"{info.name}: {info.value} {info.text}".rstrip()


def _head(field: Field) -> str:
    unit = f"<small>{xml_text(field.unit)}</small>" if field.unit else ""
    return f"<th{xml_attributes({'title': field.description})}>{xml_text(field.name)}{unit}</th>"


def _rows(batch: pa.RecordBatch, fields: tuple[Field, ...]) -> bytes:
    parts: list[pa.Array | str] = ["<tr>"]
    for column, field in zip(batch.columns, fields, strict=True):
        plain = field.is_text or field.is_timestamp or field.is_array or field.datatype == "boolean"
        parts += ["<td>" if plain else '<td class="n">', _cells(column, field), "</td>"]
    rows = pc.binary_join_element_wise(*parts, "</tr>\n", "", null_handling="replace", null_replacement="")
    return text_bytes(rows).tobytes()


def _cells(column: pa.Array, field: Field) -> pa.StringArray:
    cells = text_cells(column, field)
    if not field.is_text:
        return cells
    cells = escape_column(cells)
    if not (field.ucd and "meta.ref.url" in field.ucd.lower()):
        return cells
    address = pc.replace_substring(cells, '"', "&quot;")
    link = pc.binary_join_element_wise('<a href="', address, '">', cells, "</a>", "")
    return pc.if_else(pc.match_substring_regex(cells, "(?i)^https?://"), link, cells)
