"""``loadkit config``."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from loadkit.cli.command import refuse_unknown
from loadkit.collect.access import VARIABLES
from loadkit.collect.headers import from_environment
from loadkit.config import FILE, Config, load_config
from loadkit.config.show import Shown, settings
from loadkit.config.strangers import strangers
from loadkit.errors import UsageError
from loadkit.run.inspection import Seen, inspected


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit config``."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--check",
        action="store_true",
        help="contact each named server, process, log and rule file once, and say what is there",
    )
    parser.epilog = (
        "Order: option, environment, loadkit.toml, default. Secrets are shown by where they come\n"
        "from. Exit status 2: the file is wrong or, with --check, something it names is."
    )


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command."""
    refuse_unknown(unknown, "loadkit config")
    config = load_config(Path.cwd())
    for stranger in strangers():
        print(f"warning: {stranger}", file=sys.stderr)
    if options.check:
        return _check(config, as_json=options.json)
    shown = [*settings(config), *_headers()]
    if options.json:
        print(json.dumps({one.key: {"value": one.value, "origin": one.origin} for one in shown},
                         indent=2, ensure_ascii=False))  # fmt: skip
    else:
        print(_columns([("setting", "value", "origin"), *map(_row, shown)]))
    return 0


def _headers() -> Iterator[Shown]:
    """Headers that only a variable says, by name."""
    for section, variable in VARIABLES.items():
        for name in from_environment(variable):
            yield Shown(f"{section}.headers.{name}", "(not shown)", f"environment {variable}")


def _row(one: Shown) -> tuple[str, str, str]:
    return one.key, one.text, one.origin


def _check(config: Config, *, as_json: bool) -> int:
    seen = asyncio.run(_seen(config))
    if not seen:
        raise UsageError(
            "the settings name nothing to contact",
            where=FILE,
            remedy="Name what is to be watched, such as [prometheus] or [[process]].",
        )
    if as_json:
        print(json.dumps([_document(one) for one in seen], indent=2, ensure_ascii=False))
    else:
        rows = [(one.source, "ok" if one.error is None else "wrong", _told(one)) for one in seen]
        print(_columns(rows))
    return UsageError.exit_status if any(one.error for one in seen) else 0


async def _seen(config: Config) -> list[Seen]:
    return [one async for one in inspected(config)]


def _told(seen: Seen) -> str:
    return f"{seen.what} ({seen.origin})" if seen.error is None else str(seen.error)


def _document(seen: Seen) -> dict[str, Any]:
    error = seen.error
    return {
        "source": seen.source,
        "origin": seen.origin,
        "ok": error is None,
        "what": seen.what if error is None else error.what,
        "where": None if error is None else error.where,
        "remedy": None if error is None else error.remedy,
    }


def _columns(rows: Iterable[tuple[str, ...]]) -> str:
    """Plain columns, two spaces apart; further lines of the last one stand below it."""
    table = list(rows)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]) - 1)]
    indent = sum(widths) + 2 * len(widths)
    lines = []
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1].replace("\n", "\n" + " " * indent)]).rstrip())
    return "\n".join(lines)
