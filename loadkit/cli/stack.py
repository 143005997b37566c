"""``loadkit stack``."""

from __future__ import annotations

import argparse
import asyncio
import sys

from loadkit.cli.command import refuse_unknown
from loadkit.run import rules as stack_rules
from loadkit.stack import detached
from loadkit.stack.components import Started


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit stack``."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    up = actions.add_parser("up", help="start service, Prometheus, Alertmanager, node exporter")
    up.add_argument("--rules", default="corrected", metavar="guide|corrected|FILE")
    actions.add_parser("status", help="what runs, and where")
    actions.add_parser("down", help="stop what up started")
    actions.add_parser("install", help="fetch the servers that are not on PATH, without root")


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command. ``status`` is 0 while everything runs, else 1."""
    refuse_unknown(unknown, f"loadkit stack {options.action}")
    action = {"up": _up, "status": _status, "down": _down, "install": _install}[options.action]
    return action(options)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _started(part: Started) -> None:
    _say(f"started {part.title} {part.seconds:.1f} s")


def _up(options: argparse.Namespace) -> int:
    async def start() -> None:
        rules = await stack_rules.prepared(options.rules, _say)
        await detached.up(
            rules.files,
            lambda url: stack_rules.receivers(rules.source, url).text,
            on_progress=_say,
            on_started=_started,
        )

    asyncio.run(start())
    return _status(options)


def _status(options: argparse.Namespace) -> int:
    status = detached.status()
    if status.state is None:
        _say("no stack is running; loadkit stack up starts one")
        return 1
    for name, running in status.running.items():
        version = status.state.versions.get(name, "")
        print(f"{name:<14} {'running' if running else 'ended':<8} {version}")
    for name, url in status.state.urls.items():
        print(f"{name:<14} {url}")
    return 0 if all(status.running.values()) else 1


def _down(options: argparse.Namespace) -> int:
    status = asyncio.run(detached.down())
    _say("no stack was running" if status.state is None else "stopped")
    return 0


def _install(options: argparse.Namespace) -> int:
    for name, binary in detached.install(_say).items():
        print(f"{name:<18} {binary.version():<12} {binary.path}")
    return 0
