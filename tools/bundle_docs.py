"""Writes docs/bundle-tables.md, the columns of every table, from ``loadkit.bundle.schema``.

With ``--check`` nothing is written; exit status 1 says that the page is out of date.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pyarrow as pa

from loadkit.bundle.schema import FORMAT, TABLES, VERSION, Table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "bundle-tables.md"

_HEAD = f"""# Tables of the bundle

Format `{FORMAT}`, version {VERSION}. Written by `make docs` from
`loadkit/bundle/schema.py`: change it there. [bundle.md](bundle.md) says what a bundle is and how
to read it.

In `loadkit.load_run(path)` each table is an attribute of that name; `intervals` is there as
`seconds` and `windows`. The reader adds the column `t_s`, seconds since the start of the load, to
every table with a `mono_ns` or `wall_ns`, and `end_s` to `faults`. Every column may be null.
"""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *(_section(table) for table in TABLES)])


def _section(table: Table) -> str:
    rows = [
        f"| `{column.name}` | {_type(column.type)} | {_cell(column.text)} |"
        for column in table.columns
    ]
    head = [f"## {table.name}", "", table.text, "", "| column | type | |", "|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {kind.value_type}"
    return {"string": "text", "double": "float64"}.get(str(kind), str(kind))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    """Writes or checks the page; the exit status."""
    parser = argparse.ArgumentParser(description="Write docs/bundle-tables.md from the schema.")
    parser.add_argument("--check", action="store_true", help="write nothing; 1: out of date")
    wanted = page()
    if parser.parse_args().check:
        return int(not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
