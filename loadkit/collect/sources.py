"""What a run has to offer to its collectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Given:
    """Where things are, as far as the run knows; each collector takes what it can use.

    Attributes:
        directory: the bundle.
        prometheus: its root.
        prometheus_jobs: names or regular expressions of the jobs to read; all when empty.
        alertmanager: root of one whose notifications go to others.
        foreign: whether Prometheus is somebody else's, so that headers from the environment
            belong to it.
        pids: name → process to watch.
        logs: component → its log file.
        secrets: texts that must not be written.
    """

    directory: Path
    prometheus: str | None = None
    prometheus_jobs: Sequence[str] = ()
    alertmanager: str | None = None
    foreign: bool = False
    pids: Mapping[str, int] = field(default_factory=dict)
    logs: Mapping[str, Path] = field(default_factory=dict)
    secrets: Sequence[str] = field(default=(), repr=False)
