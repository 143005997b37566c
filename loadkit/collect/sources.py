"""What a run has to offer to its collectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadkit.collect.access import Access
from loadkit.config import Metrics


@dataclass(frozen=True, slots=True)
class Given:
    """Where things are, as far as the run knows; each collector takes what it can use.

    Attributes:
        directory: the bundle.
        prometheus: its root.
        prometheus_jobs: names or regular expressions of the jobs to read; all when empty.
        prometheus_selector: further matchers of all that is read from it, in braces.
        alertmanager: root of one whose notifications go to others.
        access: section of loadkit.toml → how the server named there is talked to; servers of
            loadkit's own have none.
        pids: name → process to watch.
        logs: component → its log file.
        secrets: texts that must not be written.
        target: the URL that load goes to.
        metrics: expositions to read directly.
    """

    directory: Path
    prometheus: str | None = None
    prometheus_jobs: Sequence[str] = ()
    prometheus_selector: str | None = None
    alertmanager: str | None = None
    access: Mapping[str, Access] = field(default_factory=dict)
    pids: Mapping[str, int] = field(default_factory=dict)
    logs: Mapping[str, Path] = field(default_factory=dict)
    secrets: Sequence[str] = field(default=(), repr=False)
    target: str | None = None
    metrics: Metrics | None = None
