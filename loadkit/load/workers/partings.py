"""Findings about workers that are gone before the load is over."""

from __future__ import annotations

import signal

from loadkit.load.workers.crew import Member
from loadkit.load.workers.remainder import Remainder
from loadkit.model import Finding, Severity

_NS = 1_000_000_000


def lost(member: Member, why: str, t0_ns: int, rest: Remainder) -> Finding:
    """What is missing, from when to when; ``member.lost_ns`` is set."""
    assert member.lost_ns is not None
    since = max(0, (member.told_until_ns or t0_ns) - t0_ns) / _NS
    until = max(0, member.lost_ns - t0_ns) / _NS
    evidence = {
        "worker": f"{member.name} on {member.host}, process {member.pid}",
        "unknown from": f"{since:.3f} s",
        "unknown until": f"{until:.3f} s",
        "requests under way at the last word": f"{max(0, member.unsettled):,}",
    }
    text = (
        f"Worker {member.name} was lost at {until:.1f} s: {why}. What it sent after its last "
        f"acknowledged word at {since:.3f} s is unknown."
    )
    if rest.unknown or rest.never_started:
        text = (
            f"{text[:-1]} ({rest.unknown:,} arrivals were due); the {rest.never_started:,} "
            "arrivals it was to make later never started."
        )
        evidence |= {
            "arrivals unknown": f"{rest.unknown:,}",
            "arrivals never started": f"{rest.never_started:,}",
        }
    return Finding("worker-lost", Severity.ERROR, text, evidence)


def left(member: Member, message: str | None, t0_ns: int, rest: Remainder) -> Finding:
    """A worker ended in order, but before the load did."""
    assert member.lost_ns is not None
    at = max(0, member.lost_ns - t0_ns) / _NS
    why = message or "something other than the master told it to"
    text = f"Worker {member.name} ended at {at:.1f} s, before the load did: {why}. "
    text += "All it sent is known"
    if rest.never_started:
        text += f"; the {rest.never_started:,} arrivals it was to make later never started"
    return Finding(
        "worker-lost",
        Severity.ERROR,
        f"{text}.",
        {"worker": f"{member.name} on {member.host}, process {member.pid}"},
    )


def exit_text(status: int) -> str:
    """``exit status 1``, or ``signal SIGKILL`` for minus nine."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"
