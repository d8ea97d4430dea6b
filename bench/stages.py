"""Measure where the time of queries goes, stage by stage, in a running archive.

    python -m bench.stages --archive DIR QUERY.adql... [--table ivoa.obscore] [--runs 7]

Prints one line per query, medians in milliseconds: reading the text; compiling it (names, types, SQL) for the first
time, without reading it; compiling it as a query whose plan may be kept; the engine until its first rows; from there to
the last byte, which holds the rest of the engine's work, writing and sending.
"""

from __future__ import annotations

import argparse
import re
import statistics
from pathlib import Path

from app.operators import OperatorKey, ask_server
from bench.tap import Client

_TIMES = re.compile(r"parse ([0-9.]+) ms, compile ([0-9.]+) ms")
_STAGES = ("parse", "compile", "kept", "engine", "rest", "total")


def measure(key: OperatorKey, query: str, runs: int) -> dict[str, float]:
    """Medians of the stages of one query, in milliseconds."""
    rows: list[dict[str, float]] = []
    client = Client(key.url)
    try:
        for _ in range(runs):
            told = ask_server(key, query, analyze=False)
            found = _TIMES.search(told[1]) if told else None
            if found is None:
                raise SystemExit(f"The server does not explain: {told}")
            _, seconds, _ = client.ask(query)
            stages = dict(part.split(";dur=") for part in client.server_timing.split(", "))
            kept, engine = float(stages["compile"]), float(stages["engine"])
            total = 1000 * seconds
            rows.append(
                {
                    "parse": float(found[1]),
                    "compile": float(found[2]),
                    "kept": kept,
                    "engine": engine,
                    "rest": total - kept - engine,
                    "total": total,
                }
            )
    finally:
        client.close()
    return {stage: statistics.median(row[stage] for row in rows) for stage in _STAGES}


def main() -> None:
    """Measure all queries named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queries", nargs="+", type=Path, help="files of one query each; {table} stands for the table")
    parser.add_argument("--archive", type=Path, required=True, help="directory of the running archive")
    parser.add_argument("--table", default="ivoa.obscore")
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    key = OperatorKey.read(arguments.archive)
    if key is None:
        raise SystemExit(f"No server of {arguments.archive} can be asked from this account.")
    print("| query |", " | ".join(_STAGES), "|")
    print("|---|" + "---:|" * len(_STAGES))
    for path in arguments.queries:
        query = path.read_text().replace("{table}", arguments.table)
        if "TAP_UPLOAD" in query.upper():
            continue
        stages = measure(key, query, arguments.runs)
        print(f"| {path.stem} | " + " | ".join(f"{stages[stage]:.1f}" for stage in _STAGES) + " |", flush=True)


if __name__ == "__main__":
    main()
