"""``loadkit run``."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from pathlib import Path

from loadkit.cli.options import add_load, ratio, refuse_replaced, seconds, whole
from loadkit.cli.screen import make_screen
from loadkit.errors import UsageError
from loadkit.load.workers.address import DEFAULT_PORT
from loadkit.load.workers.tokens import VARIABLE as TOKEN_VARIABLE
from loadkit.report.text import summary
from loadkit.run.conduct import conduct
from loadkit.run.interrupts import Interrupted
from loadkit.run.request import RunRequest
from loadkit.run.workers import TIMEOUT_S
from loadkit.scrub import scrub

NAME = "run"
HELP = "drive a scenario or a locustfile, watch everything, write a bundle and a report"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit run``."""
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="scenario or locustfile")
    add_load(parser.add_argument_group("load (a plain locustfile)"))
    _add_workers(parser.add_argument_group("several processes (docs/workers.md)"))
    _add_verdict(parser.add_argument_group("verdict"))
    _add_stack(parser.add_argument_group("stack and sources"))
    output = parser.add_argument_group("output")
    output.add_argument("--name", help="name of the run (default: the scenario's)")
    output.add_argument(
        "--reports", type=Path, default=Path("reports"), metavar="DIR", help="where bundles go"
    )
    output.add_argument("--samples", action="store_true", help="also write every latency")
    parser.epilog = (
        "Other options are handed to Locust and to the file's own parser (for example --tags).\n"
        "Standard output carries the bundle's path and nothing else."
    )


def _add_workers(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--workers", type=whole, metavar="N", help="make the load with N processes of this machine"
    )
    group.add_argument(
        "--expect-workers", type=whole, metavar="N", help="wait for N workers on other machines"
    )
    group.add_argument(
        "--bind",
        metavar="HOST[:PORT]",
        help=f"where to listen for them (default 127.0.0.1:{DEFAULT_PORT})",
    )
    group.add_argument(
        "--token-file",
        type=Path,
        metavar="PATH",
        help=f"a file with the token they must know (default: the variable {TOKEN_VARIABLE})",
    )
    group.add_argument(
        "--worker-timeout",
        type=seconds,
        metavar="TIME",
        help=f"how long to wait for them (default {TIMEOUT_S:g}s)",
    )


def _add_verdict(group: argparse._ArgumentGroup) -> None:
    for option, metavar, text in (
        ("--slo", "OBJECTIVE", "'p95 < 300 ms', 'errors < 1 %%', 'POST /x@peak: p99 < 1 s'"),
        ("--expect", "ALERT", "this alert must fire"),
        ("--forbid", "ALERT", "this alert must not fire"),
        ("--fault", "KIND=VALUE@STAGE", "break the service: error_rate=0.08@peak"),
    ):
        group.add_argument(option, action="append", default=[], metavar=metavar, help=text)
    group.add_argument(
        "--fail-on",
        choices=("warning", "error"),
        help="exit 3 when a finding is at least this severe",
    )


def _add_stack(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--stack", choices=("none", "embedded"), help="default: the scenario's")
    group.add_argument(
        "--rules",
        default="corrected",
        metavar="guide|corrected|FILE",
        help="alert rules of the embedded stack",
    )
    group.add_argument("--prometheus", metavar="URL", help="a Prometheus that is already there")
    group.add_argument(
        "--prometheus-job",
        action="append",
        default=[],
        metavar="JOB",
        help="read only this job (a name or a regular expression; may be repeated)",
    )
    group.add_argument(
        "--alertmanager", metavar="URL", help="an Alertmanager that is already there"
    )
    group.add_argument(
        "--trace-ratio",
        type=ratio,
        default=1.0,
        metavar="R",
        help="share of requests whose traceparent asks for sampling, 0 to 1 (default 1)",
    )
    group.add_argument("--pid", type=whole, metavar="N", help="a process to profile with py-spy")


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command."""
    request = _request(options, unknown)
    screen = make_screen()
    try:
        outcome = asyncio.run(conduct(request, screen))
    except Interrupted:
        screen.clear()
        print("interrupted before anything was measured", file=sys.stderr)
        return 130
    finally:
        screen.clear()
    print(summary(outcome.analysis, screen.width, screen.colour), file=sys.stderr)
    print(f"  report     {outcome.directory / 'report.html'}", file=sys.stderr, flush=True)
    print(outcome.directory, flush=True)
    return outcome.exit_status


def _request(options: argparse.Namespace, unknown: list[str]) -> RunRequest:
    refuse_replaced(unknown)
    file = options.locustfile or options.file
    if file is None:
        raise UsageError("no scenario given", remedy="For example: loadkit run scenarios/peak.py")
    return RunRequest(
        file=file,
        argv=tuple(_kept(sys.argv[1:], unknown)),
        locust_args=tuple(unknown),
        name=_name(options.name),
        reports=options.reports,
        host=options.host,
        users=options.users,
        spawn_rate=options.spawn_rate,
        duration=options.duration,
        settings=tuple(options.settings),
        slos=tuple(options.slo),
        expect=tuple(options.expect),
        forbid=tuple(options.forbid),
        faults=tuple(options.fault),
        stack=options.stack,
        rules=options.rules,
        samples=options.samples,
        trace_ratio=options.trace_ratio,
        prometheus=options.prometheus,
        jobs=tuple(options.prometheus_job),
        alertmanager=options.alertmanager,
        pid=options.pid,
        fail_on=options.fail_on,
        workers=options.workers,
        expect_workers=options.expect_workers,
        bind=options.bind,
        token_file=options.token_file,
        worker_timeout=options.worker_timeout,
    )


def _kept(words: list[str], unknown: list[str]) -> list[str]:
    """The command line as the bundle keeps it: values of options that loadkit does not know may be
    secrets, so only the options' names stay."""
    foreign = set(unknown)
    kept = []
    for word in words:
        if word in foreign:
            option, given, _ = word.partition("=")
            word = option if word.startswith("-") and not given else f"{option}=[removed]"
            word = word if word.startswith("-") else "[removed]"
        kept.append(scrub(word))
    return kept


def _name(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[\w.-]+", text):
        raise UsageError(
            f"--name {text!r} cannot be a folder's name", remedy="Use letters, digits, . _ and -."
        )
    return text
