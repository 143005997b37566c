"""What the user asked for, as options; nothing has been looked at yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The options of ``loadkit run``. None means "not given"; times are seconds.

    ``locust_args`` are options that loadkit does not know itself; Locust's parser, with the
    file's own options in it, decides about them. ``shown`` is what to call a file that nobody
    wrote; ``max_rate`` is a second. ``sources`` are the sections of loadkit.toml that name
    something to watch; they and what the file says otherwise come in by :func:`settle`.
    """

    file: Path
    argv: tuple[str, ...] = ()
    locust_args: tuple[str, ...] = ()
    name: str | None = None
    reports: Path | None = None
    host: str | None = None
    users: int | None = None
    spawn_rate: float | None = None
    duration: float | None = None
    settings: tuple[str, ...] = ()
    slos: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    stack: str | None = None
    rules: str = "corrected"
    samples: bool = False
    trace_ratio: float | None = None
    prometheus: str | None = None
    jobs: tuple[str, ...] = ()
    alertmanager: str | None = None
    metrics: tuple[str, ...] = ()
    pid: int | None = None
    fail_on: str | None = None
    sources: tuple[str, ...] = ()
    workers: int | None = None
    expect_workers: int | None = None
    bind: str | None = None
    token_file: Path | None = None
    worker_timeout: float | None = None
    shown: str | None = None
    max_rate: float | None = None
    abort_errors: str | None = None
    abort_slo: tuple[str, ...] = ()
    abort_promql: tuple[str, ...] = ()
    memory: bool = False
    memory_attach: int | None = None
    live: str | None = None
    live_hold: float | None = None
    metrics_listen: str | None = None
