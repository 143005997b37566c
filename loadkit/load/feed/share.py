"""Which rows are this process' own, and whom to tell when there are none left."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from loadkit.model import Finding, Severity

SLUG = "feeder-exhausted"


def _log(finding: Finding) -> None:
    """Under plain Locust there is no report to say it in."""
    logging.getLogger(__name__).warning(finding.summary)


@dataclass(slots=True)
class Share:
    """Worker ``worker`` (from 0) of ``workers`` takes every ``workers``-th row.

    ``seed`` shuffles where a feeder has none of its own; ``note`` takes findings.
    """

    worker: int = 0
    workers: int = 1
    seed: int = 0
    note: Callable[[Finding], None] = _log


current = Share()
"""Of this process; a load child sets it before the scenario is imported."""


def take(worker: int, workers: int, seed: int, note: Callable[[Finding], None]) -> None:
    """Makes this process one of several."""
    current.worker, current.workers, current.seed, current.note = worker, workers, seed, note


def say_exhausted(name: str) -> None:
    """A feeder has no row left; the same words in every worker, so that it is said once."""
    of = "" if current.workers == 1 else " (or of a worker's share of them)"
    current.note(
        Finding(
            SLUG,
            Severity.WARNING,
            f"The feeder {name} has given out the last of its rows{of}: users that ask for "
            "another stop, and arrivals that do send nothing.",
            {"feeder": name},
        )
    )
