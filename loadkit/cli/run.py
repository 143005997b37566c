"""``loadkit run``."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from loadkit.cli.live import add_live, take_back_file
from loadkit.cli.options import add_load, positive, ratio, refuse_replaced, seconds, whole
from loadkit.cli.quick import add_quick, chosen, file_or_url, without_values
from loadkit.errors import UsageError
from loadkit.load.workers.address import DEFAULT_PORT
from loadkit.load.workers.tokens import VARIABLE as TOKEN_VARIABLE
from loadkit.run.describe import Asked
from loadkit.run.request import RunRequest
from loadkit.run.workers import TIMEOUT_S
from loadkit.scrub import scrub

NAME = "run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit run``."""
    parser.add_argument(
        "file", nargs="?", type=file_or_url, metavar="FILE", help="scenario, locustfile or URL"
    )
    add_load(parser.add_argument_group("load (a plain locustfile)"))
    add_quick(parser)
    parser.add_argument("--json", metavar="TEXT|@FILE", help="a body of JSON, with --url")
    _add_limits(parser.add_argument_group("limits (docs/abort.md)"))
    _add_workers(parser.add_argument_group("several processes (docs/workers.md)"))
    _add_verdict(parser.add_argument_group("verdict"))
    _add_stack(parser.add_argument_group("stack and sources"))
    output = parser.add_argument_group("output")
    output.add_argument("--name", help="name of the run (default: the scenario's)")
    output.add_argument(
        "--reports", type=Path, metavar="DIR", help="where bundles go (default reports/)"
    )
    output.add_argument("--samples", action="store_true", help="also write every latency")
    add_live(parser.add_argument_group("looking on (docs/live.md)"))
    parser.epilog = (
        "Other options are handed to Locust and to the file's own parser (for example --tags).\n"
        "Standard output carries the bundle's path and nothing else."
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-rate", type=positive, metavar="R", help="refuse to plan more arrivals a second"
    )
    group.add_argument(
        "--abort-errors",
        metavar="'SHARE for TIME'",
        help="end early: '50 %% for 10 s' of requests fail",
    )
    for option, metavar, text in (
        ("--abort-slo", "'OBJECTIVE for TIME'", "end early: 'p95 < 300 ms for 20 s' is missed"),
        ("--abort-promql", "'PROMQL for TIME'", "end early: 'up == 0 for 5 s' returns anything"),
    ):
        group.add_argument(option, action="append", default=[], metavar=metavar, help=text)


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
    group.add_argument(
        "--stack",
        choices=("none", "embedded", "external"),
        help="what is around the load; default: of loadkit.toml, else the scenario's",
    )
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
        "--metrics",
        action="append",
        default=[],
        metavar="URL",
        help="an exposition to read directly, without a Prometheus (may be repeated)",
    )
    group.add_argument(
        "--alertmanager", metavar="URL", help="an Alertmanager that is already there"
    )
    group.add_argument(
        "--trace-ratio",
        type=ratio,
        metavar="R",
        help="share of requests whose traceparent asks for sampling, 0 to 1 (default 1)",
    )
    group.add_argument(
        "--memory", action="store_true", help="add a stage in which memory is tracked (docs/memory)"
    )
    group.add_argument(
        "--memory-attach", type=whole, metavar="N", help="a Python process to attach memray to"
    )
    group.add_argument("--pid", type=whole, metavar="N", help="a process to profile with py-spy")


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command."""
    refuse_replaced(unknown)
    take_back_file(options)
    with chosen(options, NAME, options.json) as what:
        request = what.into(_request(options, unknown, what.file))
        with Asked(request.file, request.locust_args) as asked:
            # The child imports Locust and the file; this process imports the rest meanwhile.
            from loadkit.cli.driving import drive

            return drive(request, asked)


def _request(options: argparse.Namespace, unknown: list[str], file: Path) -> RunRequest:
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
        metrics=tuple(options.metrics),
        pid=options.pid,
        fail_on=options.fail_on,
        workers=options.workers,
        expect_workers=options.expect_workers,
        bind=options.bind,
        token_file=options.token_file,
        worker_timeout=options.worker_timeout,
        max_rate=options.max_rate,
        abort_errors=options.abort_errors,
        abort_slo=tuple(options.abort_slo),
        abort_promql=tuple(options.abort_promql),
        memory=options.memory,
        memory_attach=options.memory_attach,
        live=options.live,
        live_hold=options.live_hold,
        metrics_listen=options.metrics_listen,
    )


def _kept(words: list[str], unknown: list[str]) -> list[str]:
    """The command line as the bundle keeps it: values of options that loadkit does not know may be
    secrets, so only the options' names stay."""
    foreign = set(unknown)
    kept = []
    for word in without_values(words):
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
