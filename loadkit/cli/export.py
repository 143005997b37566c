"""``loadkit export``."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from loadkit.analyse import analyse
from loadkit.bundle.reader import RunData, load_run
from loadkit.bundle.schema import BY_NAME
from loadkit.cli.command import refuse_unknown
from loadkit.errors import LoadkitError, UsageError
from loadkit.report.frames import FRAMES
from loadkit.report.write import write

_RAW = tuple(name for name in BY_NAME if name != "intervals")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit export``."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that run printed")
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
    parser.add_argument(
        "--table",
        action="append",
        default=[],
        metavar="NAME",
        help=f"{', '.join(FRAMES)} (these by default), a table of the bundle, or all",
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where to (default: export/ in the bundle)"
    )


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command."""
    refuse_unknown(unknown, "loadkit export")
    names = _names(options.table)
    run = load_run(options.bundle)
    folder: Path = options.output or options.bundle / "export"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LoadkitError(f"cannot be made: {error.strerror}", where=str(folder)) from None
    encode = _ENCODERS[options.format]
    for name, frame in _frames(run, names):
        write(folder / f"{name}.{options.format}", encode(frame))
    print(folder)
    return 0


def _names(asked: list[str]) -> list[str]:
    known = [*FRAMES, *_RAW]
    for name in asked:
        if name not in (*known, "all"):
            raise UsageError(
                f"there is no table {name!r}", remedy=f"One of: {', '.join([*known, 'all'])}."
            )
    if "all" in asked:
        return known
    return list(dict.fromkeys(asked)) or list(FRAMES)


def _frames(run: RunData, names: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    analysis = analyse(run) if set(names) & set(FRAMES) else None
    for name in names:
        if name in FRAMES and analysis is not None:
            yield name, FRAMES[name](analysis)
        else:
            yield name, getattr(run, name)


def _csv(frame: pd.DataFrame) -> bytes:
    """Lists, such as the buckets of a histogram, are written as JSON."""
    flat = frame.copy(deep=False)
    for name in flat.select_dtypes(include="object"):
        flat[name] = flat[name].map(_cell)
    return flat.to_csv(index=False, lineterminator="\n").encode("utf-8")


def _cell(value: object) -> object:
    listed = value.tolist() if hasattr(value, "tolist") else value
    return json.dumps(listed) if isinstance(listed, list) else value


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


_ENCODERS: Mapping[str, Callable[[pd.DataFrame], bytes]] = {"csv": _csv, "parquet": _parquet}
