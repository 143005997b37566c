"""Puts results of ``loadkit bench … --output FILE`` into docs/benchmarks.md as tables.

    python tools/bench_docs.py FILE [FILE…]

Each file replaces what stands between ``<!-- bench NAME -->`` and ``<!-- end NAME -->``.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from loadkit.bench import tables
from loadkit.bench.result import Result, load
from loadkit.errors import UsageError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def with_result(page: str, result: Result) -> str:
    """The page with the tables of a result in their place.

    Raises:
        UsageError: the page has no such place.
    """
    begin, end = f"<!-- bench {result.bench} -->", f"<!-- end {result.bench} -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    text = f"{begin}\n{tables.markdown(result)}\n{end}"
    found, count = pattern.subn(lambda _: text, page)
    if count != 1:
        raise UsageError(f"there is no single place for {result.bench!r}", where=PAGE.name)
    return found


def main() -> int:
    """Writes the page; the exit status."""
    parser = argparse.ArgumentParser(description="Put results of benches into docs/benchmarks.md.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    page = PAGE.read_text(encoding="utf-8")
    try:
        for path in parser.parse_args().files:
            page = with_result(page, load(path))
    except UsageError as error:
        print(f"error: {error}")
        return error.exit_status
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
