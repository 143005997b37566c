"""Options of a load without a scenario: ``--url`` and what is sent there."""

from __future__ import annotations

import argparse
import contextlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from loadkit.cli.options import positive, seconds
from loadkit.errors import UsageError
from loadkit.run.quick import Quick, write
from loadkit.run.request import RunRequest

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_BODIES = ("--json", "--data")
REMOVED = "[removed]"


class Url(str):
    """A URL where a file was expected."""


def file_or_url(text: str) -> Path | Url:
    """For argparse: what FILE stands for."""
    return Url(text) if _SCHEME.match(text) else Path(text)


def add_quick(parser: argparse.ArgumentParser) -> None:
    """``--url`` and its companions; ``--json`` belongs to the command."""
    group = parser.add_argument_group("one request instead of a scenario (docs/quick.md)")
    group.add_argument("--url", metavar="URL", help="what to ask for, instead of FILE")
    group.add_argument("--rate", type=positive, metavar="R", help="requests a second, open model")
    group.add_argument("--method", metavar="METHOD", help="default GET, with a body POST")
    group.add_argument("--data", metavar="TEXT|@FILE", help="a form or any other body")
    group.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        help="may be repeated; a secret as 'Authorization: env:NAME' or 'Cookie: file:PATH'",
    )
    group.add_argument(
        "--warm-up", type=seconds, metavar="TIME", help="the same load before, not judged"
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be run: a file, or one that was written for a URL."""

    file: Path
    host: str | None = None
    shown: str | None = None

    def into(self, request: RunRequest) -> RunRequest:
        """The request with what the URL has decided."""
        if self.shown is None:
            return request
        return replace(
            request, host=self.host, users=None, duration=None, spawn_rate=None, shown=self.shown
        )


@contextlib.contextmanager
def chosen(options: argparse.Namespace, command: str, body: str | None) -> Iterator[Chosen]:
    """What to run, for as long as the block lasts.

    Args:
        options: parsed options.
        command: ``run`` or ``plan``, for messages.
        body: the value of ``--json``.

    Raises:
        UsageError: neither a file nor a URL, both, or options that need the other one.
    """
    given = options.locustfile or options.file
    url = options.url or (given if isinstance(given, Url) else None)
    if url is None:
        _refuse_quick(options, body)
        if given is None:
            raise UsageError(
                "no scenario given",
                remedy=f"For example: loadkit {command} scenarios/peak.py, or "
                f"loadkit {command} --url http://127.0.0.1:8000/ --rate 50.",
            )
        yield Chosen(given)
        return
    if given is not None and given != url:
        raise UsageError(
            f"{given} and --url do not go together", remedy="The file says what is sent."
        )
    _refuse_others(options)
    quick = Quick(
        url=str(url),
        rate=options.rate,
        users=options.users,
        duration=options.duration,
        warm_up=options.warm_up,
        method=options.method,
        json=body,
        data=options.data,
        headers=tuple(options.header),
    )
    with tempfile.TemporaryDirectory(prefix="loadkit-url-") as folder:
        written = write(quick, Path(folder))
        yield Chosen(written.file, written.host, written.shown)


def _refuse_quick(options: argparse.Namespace, body: str | None) -> None:
    for option, value, instead in (
        ("--rate", options.rate, "Change a stage of the scenario: --set steady.rate=50."),
        ("--method", options.method, "The file says what is sent."),
        ("--json", body, "The file says what is sent. For numbers: loadkit report --format json."),
        ("--data", options.data, "The file says what is sent."),
        ("--header", options.header or None, "The file says what is sent."),
        ("--warm-up", options.warm_up, "Give the scenario a stage named warm-up."),
    ):
        if value is not None:
            raise UsageError(f"{option} goes with --url", remedy=instead)


def _refuse_others(options: argparse.Namespace) -> None:
    if options.host is not None:
        raise UsageError("--host and --url do not go together", remedy="The URL has the host.")
    if options.spawn_rate is not None:
        raise UsageError(
            "--spawn-rate does not go with --url", remedy="Its users are all there at once."
        )
    if options.stack == "embedded":
        raise UsageError(
            "--url does not go with the embedded stack, which starts a service of its own",
            remedy="Leave --stack out.",
        )
    if getattr(options, "expect_workers", None) is not None:
        raise UsageError(
            "workers on other machines need a file, the same for all",
            remedy="loadkit init --url writes one; --workers N needs none.",
        )


def without_values(words: Sequence[str]) -> list[str]:
    """A command line for the bundle: bodies, values of headers and of queries are taken out."""
    kept: list[str] = []
    before = ""
    for word in words:
        option, given, value = word.partition("=")
        if option in (*_BODIES, "--header") and given:
            kept.append(f"{option}={_plain(option, value)}")
        elif before in (*_BODIES, "--header") and not (before == "--json" and word[:1] == "-"):
            kept.append(_plain(before, word))
        else:
            kept.append(re.sub(r"([?&][^=&?]*=)[^&\s]*", rf"\1{REMOVED}", word)
                        if "://" in word else word)  # fmt: skip
        before = word
    return kept


def _plain(option: str, value: str) -> str:
    if option != "--header":
        return value if value.startswith("@") else REMOVED
    name, colon, text = value.partition(":")
    sourced = re.fullmatch(r"\s*(?:[A-Za-z]+ )?(?:env|file):\S.*", text)
    return value if sourced else f"{name}: {REMOVED}" if colon else REMOVED
