"""The text of ``loadkit.toml``: what was found, and as comments what one may want next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadkit.init.python import comment
from loadkit.model.roles import Guess


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about the service.

    ``target``: a host that the user named and that is not this machine. ``exposition`` is its URL,
    ``port`` the one on which ``process``, called ``name``, listens on this machine, ``python``
    whether it is one that py-spy can sample.
    """

    url: str
    target: str | None = None
    named: bool = True
    exposition: str | None = None
    guess: Guess | None = None
    port: int | None = None
    process: str | None = None
    name: str | None = None
    python: bool = False

    @property
    def watched(self) -> bool:
        """Whether there is anything beside the load."""
        return self.exposition is not None or self.port is not None


def text(found: Found) -> str:
    """The whole file."""
    lines = [
        "# Settings of loadkit in this folder. An option outranks the environment",
        "# (LOADKIT_SERVICE_URL and so on), that outranks this file; `loadkit config` shows where",
        "# each value is from.",
        "",
        "[service]",
        f"url = {string(found.url)}",
        "",
        "[run]",
        *_stack(found),
        "# max_rate = 500  # refuse to plan more arrivals a second than this",
        '# fail_on = "error"  # exit 3 when a finding is at least this severe',
        "",
        *_targets(found),
        *_metrics(found),
        *_signals(found),
        *_process(found),
        *_LATER,
    ]
    return "\n".join(lines)


_LATER = (
    "# A Prometheus that is already there: its metrics and alerts become part of the report.",
    "# [prometheus]",
    '# url = "http://127.0.0.1:9090"',
    '# jobs = ["shop"]',
    '# headers = { Authorization = "env:PROMETHEUS_AUTHORIZATION" }',
    "",
    "# [[log]]",
    '# file = "service.log"',
    "",
    "# End a run early.",
    "# [abort]",
    '# errors = "50 % for 10 s"',
    '# slo = ["p95 < 2 s for 20 s"]',
    "",
)


def _stack(found: Found) -> list[str]:
    if found.watched:
        return ['stack = "external"  # nothing is started; what is named below is watched']
    return [
        'stack = "none"  # load only; "external" watches what is named below',
    ]


def _targets(found: Found) -> list[str]:
    if found.target is None:
        return [
            "# Hosts that load may be sent to, besides this machine.",
            "# [targets]",
            '# allow = ["staging.example"]',
            "",
        ]
    if found.named:
        return [
            "# Hosts that load may be sent to, besides this machine.",
            "[targets]",
            f"allow = [{string(found.target)}]",
            "",
        ]
    return [
        "# Load is refused until this host is named here: is it yours to be put under load?",
        "# [targets]",
        f"# allow = [{string(found.target)}]",
        "",
    ]


def _metrics(found: Found) -> list[str]:
    if found.exposition is None:
        return [
            "# Metrics that loadkit reads itself, without a Prometheus.",
            "# [metrics]",
            '# urls = ["http://127.0.0.1:8000/metrics"]',
            "",
        ]
    return [
        "# Read by loadkit itself while the load runs, no Prometheus needed.",
        "[metrics]",
        f"urls = [{string(found.exposition)}]",
        'interval = "1s"',
        "",
    ]


def _signals(found: Found) -> list[str]:
    guess = found.guess
    if guess is None:
        return []
    lines = [
        "# What each metric is for is guessed anew at every run; this is the guess of now.",
        "# Take the # away from a line to say it yourself.",
        "# [signals]",
    ]
    for role, choice in (
        ("rate", guess.rate), ("errors", guess.errors), ("duration", guess.duration)
    ):  # fmt: skip
        if choice is not None:
            lines.append(f"# {role} = {string(choice.text)}")
        else:
            lines += comment(f"{role}: {guess.missing.get(role, 'nothing was found')}")
    if guess.saturation:
        lines.append(f"# saturation = {_list([choice.text for choice in guess.saturation])}")
    else:
        lines += comment(f"saturation: {guess.missing.get('saturation', 'nothing was found')}")
    return [*lines, ""]


def _process(found: Found) -> list[str]:
    if found.port is None:
        return [
            "# A process on this machine: its CPU and memory are watched, its stacks sampled.",
            "# [[process]]",
            "# port = 8000  # or pid = 4711, or command = a part of its command line",
            "",
        ]
    lines = ["# Whatever listens on that port when a run begins."]
    if found.process:
        lines += comment(f"Now it is {found.process}.")
    return [
        *lines,
        "[[process]]",
        *([f"name = {string(found.name)}"] if found.name else []),
        f"port = {found.port}",
        f"profile = {'true' if found.python else 'false'}  # sample its stacks with py-spy",
        "",
    ]


def _list(texts: Sequence[str]) -> str:
    return "[" + ", ".join(map(string, texts)) + "]"


def string(text: str) -> str:
    """A TOML string: nothing leaves it, whatever it holds."""
    parts = []
    for c in text:
        if c in '"\\':
            parts.append("\\" + c)
        elif c.isprintable():
            parts.append(c)
        elif 0xD800 <= ord(c) <= 0xDFFF:
            parts.append("\N{REPLACEMENT CHARACTER}")
        else:
            parts.append(f"\\u{ord(c):04X}" if ord(c) < 0x10000 else f"\\U{ord(c):08X}")
    return '"' + "".join(parts) + '"'
