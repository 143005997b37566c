"""``loadkit bench``."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from loadkit.bench import (
    accuracy,
    arrivals,
    cores,
    generators,
    memory,
    observing,
    process,
    soak,
    tables,
)
from loadkit.bench.bench import Bench
from loadkit.bench.result import Result, load
from loadkit.cli.command import refuse_unknown
from loadkit.errors import UsageError
from loadkit.report.write import write
from loadkit.scenario.durations import parse_duration

_WARM_UP_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit bench``."""
    benches = parser.add_subparsers(metavar="BENCH", required=True, dest="bench")
    one = _bench(benches, generators.NAME, "requests a second and CPU of each load generator")
    _rounds(one, generators.ROUNDS)
    _duration(one, generators.DURATION_S, "of each measurement, without its warm-up")
    _connections(one, generators.CONNECTIONS)
    _only(one, "TOOL")
    one = _bench(benches, accuracy.NAME, "percentiles of each load generator, beside the truth")
    _duration(one, accuracy.DURATION_S, "of each run")
    _connections(one, accuracy.CONNECTIONS)
    _only(one, "TOOL")
    one = _bench(benches, arrivals.NAME, "lateness and rate error of the open model")
    _duration(one, arrivals.DURATION_S, "of each rate")
    _connections(one, arrivals.CONNECTIONS)
    one = _bench(benches, memory.NAME, "memory and time of recording")
    one.add_argument(
        "--count", type=_count, default=memory.COUNT, metavar="N", help="default: 100,000,000"
    )
    _only(one, "RECORDER")
    one = _bench(benches, observing.NAME, "what watching costs the service that is watched")
    _rounds(one, observing.ROUNDS)
    _duration(one, observing.DURATION_S, "of each measured stage")
    one = _bench(benches, soak.NAME, "a long run: growth of memory, open files, lateness")
    _duration(one, soak.DURATION_S, "of the run")
    show = benches.add_parser("show", help="tables of results that --output kept")
    show.add_argument("files", nargs="+", type=Path, metavar="FILE")
    show.add_argument("--markdown", action="store_true", help="as Markdown")


def _bench(
    benches: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    parser = benches.add_parser(name, help=text, description=text)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="the result as JSON on standard output")
    form.add_argument("--markdown", action="store_true", help="the tables as Markdown")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also keep the result as JSON")
    return parser


def _rounds(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument(
        "--rounds", type=_count, default=default, metavar="N", help=f"default: {default}"
    )


def _duration(parser: argparse.ArgumentParser, default: float, text: str) -> None:
    parser.add_argument(
        "--duration",
        type=parse_duration,
        default=default,
        metavar="TIME",
        help=f"{text}: 90s, 2m (default: {default:g} s)",
    )


def _connections(parser: argparse.ArgumentParser, default: int) -> None:
    parser.add_argument(
        "--connections", type=_count, default=default, metavar="N", help=f"default: {default}"
    )


def _only(parser: argparse.ArgumentParser, metavar: str) -> None:
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar=metavar,
        help="only this one (may be repeated); it is inconclusive when it is not there",
    )


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9][0-9_,]*", text) or int(re.sub("[_,]", "", text)) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(re.sub("[_,]", "", text))


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command. 3 when a limit was missed, 5 when something could not be measured."""
    refuse_unknown(unknown, f"loadkit bench {options.bench}")
    if options.bench == "show":
        return _show(options)
    if options.output is not None:
        _check_output(options.output)
    chosen = cores.choose()
    with _ending_in_order(), tempfile.TemporaryDirectory(prefix="loadkit-bench-") as folder:
        bench = Bench(
            chosen,
            Path(folder),
            only=tuple(getattr(options, "only", ())),
            warm_up_s=_WARM_UP_S,
            say=_say,
            notes=[] if chosen.note is None else [chosen.note],
        )
        with process.aside(chosen.server):
            result = _BENCHES[options.bench](bench, options)
    if options.output is not None:
        write(options.output, result.to_json())
    print(_shown(result, options), end="", flush=True)
    return result.exit_status


def _check_output(path: Path) -> None:
    """Before a bench of twenty minutes, not after it."""
    folder = path.parent
    if path.is_dir():
        raise UsageError("--output is a folder", where=str(path), remedy="Name a file in it.")
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(
            "--output cannot be written there",
            where=str(path),
            remedy="Name a file in a folder that exists and can be written.",
        )


@contextlib.contextmanager
def _ending_in_order() -> Iterator[None]:
    """Ended from outside, it still ends what it has started."""

    def interrupted(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(text: str) -> None:
    print(f"  ▸ {text}", file=sys.stderr, flush=True)


def _shown(result: Result, options: argparse.Namespace) -> str:
    if options.json:
        return result.to_json()
    if options.markdown:
        return tables.markdown(result) + "\n"
    return tables.text(result, _width()) + "\n"


def _width() -> int:
    return max(60, min(120, shutil.get_terminal_size((100, 24)).columns))


def _show(options: argparse.Namespace) -> int:
    results = [load(path) for path in options.files]
    for number, result in enumerate(results):
        text = tables.markdown(result) if options.markdown else tables.text(result, _width())
        print("\n" * bool(number) + text)
    return 0


_Run = Callable[[Bench, argparse.Namespace], Result]
_BENCHES: dict[str, _Run] = {
    generators.NAME: lambda bench, given: generators.run(
        bench, rounds=given.rounds, duration_s=given.duration, connections=given.connections
    ),
    accuracy.NAME: lambda bench, given: accuracy.run(
        bench, duration_s=given.duration, connections=given.connections
    ),
    arrivals.NAME: lambda bench, given: arrivals.run(
        bench, duration_s=given.duration, connections=given.connections
    ),
    memory.NAME: lambda bench, given: memory.run(bench, count=given.count),
    observing.NAME: lambda bench, given: observing.run(
        bench, rounds=given.rounds, duration_s=given.duration
    ),
    soak.NAME: lambda bench, given: soak.run(bench, duration_s=given.duration),
}
