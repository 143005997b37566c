"""What a bench found: plain data that a table, a page or another program is made from.

The history of the format:

- ``loadkit-bench/1``: the first.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from loadkit.bench import machine
from loadkit.bench.stats import Interval
from loadkit.errors import UsageError
from loadkit.report import units

FORMAT = "loadkit-bench/1"
PASSED, FAILED, INCONCLUSIVE = "passed", "failed", "inconclusive"
INTERRUPTED = 130
_STATUS = {FAILED: 3, INCONCLUSIVE: 5}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A limit and what was seen; ``status`` is passed, failed or inconclusive."""

    what: str
    limit: str
    observed: str
    status: str


@dataclass(slots=True)
class Result:
    """A bench with its results.

    ``rows`` are what the table shows, one mapping each; ``settings`` how it was asked to measure;
    ``missing`` which tools are not here, ``failed`` what could not be measured, and why; ``notes``
    what a reader has to know; ``asked_for`` tools that were named; ``interrupted`` that it holds
    what was measured until then.
    """

    bench: str
    settings: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    created: str = field(default_factory=machine.today)
    machine: dict[str, Any] = field(default_factory=machine.describe)
    asked_for: tuple[str, ...] = ()
    interrupted: bool = False

    @contextlib.contextmanager
    def until_interrupted(self) -> Iterator[None]:
        """A block that an interrupt ends early; what was measured before stays."""
        try:
            yield
        except KeyboardInterrupt:
            self.interrupted = True
            self.notes.append("interrupted: what was measured until then")

    @property
    def exit_status(self) -> int:
        """130 when it was interrupted, 3 when a limit was missed, 5 when something that was asked
        for could not be measured, else 0."""
        if self.interrupted:
            return INTERRUPTED
        said = {verdict.status for verdict in self.verdicts}
        if FAILED in said:
            return _STATUS[FAILED]
        unmeasured = self.failed or any(name in self.missing for name in self.asked_for)
        if INCONCLUSIVE in said or unmeasured or not self.rows:
            return _STATUS[INCONCLUSIVE]
        return 0

    def to_json(self) -> str:
        """As a document, with a newline at its end."""
        values = {"format": FORMAT, **asdict(self), "exit_status": self.exit_status}
        return json.dumps(values, ensure_ascii=False, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str = "the file") -> Result:
        """What ``to_json`` wrote.

        Raises:
            UsageError: it is something else, or of a newer loadkit.
        """
        try:
            values = json.loads(text)
            found = values.pop("format")
        except (ValueError, KeyError, AttributeError, TypeError):
            raise UsageError("not a result of loadkit bench", where=where) from None
        if found != FORMAT:
            raise UsageError(
                f"a result of format {found!r}; this loadkit reads {FORMAT}", where=where
            )
        values.pop("exit_status", None)
        try:
            verdicts = [Verdict(**verdict) for verdict in values.pop("verdicts")]
            asked = tuple(values.pop("asked_for"))
            return cls(**values, verdicts=verdicts, asked_for=asked)
        except (KeyError, TypeError) as error:
            raise UsageError(f"a result that is not whole: {error}", where=where) from None


def load(path: Path) -> Result:
    """Reads a result that was kept with ``--output``.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UsageError(f"cannot be read: {reason}", where=str(path)) from None
    return Result.from_json(text, str(path))


def interval_dict(interval: Interval) -> dict[str, float | int]:
    """An interval as plain data."""
    return asdict(interval)


def judge_at_least(
    what: str, wanted: float, interval: Mapping[str, Any], rounds: int, needed: int
) -> Verdict:
    """Whether the lower end of a ratio's interval is at least ``wanted``.

    With fewer rounds than needed nothing is decided; nor when the interval holds the limit.
    """
    low, middle, high = interval["low"], interval["median"], interval["high"]
    observed = f"{middle:.2f} (95 % interval {low:.2f} to {high:.2f}, {rounds} rounds)"
    limit = f"≥ {wanted:g}"
    if rounds < needed:
        return Verdict(what, limit, f"{observed}; {needed} rounds decide", INCONCLUSIVE)
    return Verdict(what, limit, observed, PASSED if low >= wanted else FAILED)


def judge_at_most(what: str, wanted: float, observed: float | None, unit: str) -> Verdict:
    """Whether a number is at most ``wanted``; one that is missing decides nothing."""
    limit = f"≤ {wanted:g} {unit}"
    if observed is None:
        return Verdict(what, limit, "not measured", INCONCLUSIVE)
    status = PASSED if observed <= wanted else FAILED
    return Verdict(what, limit, f"{units.number(observed)} {unit}", status)
