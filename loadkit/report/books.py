"""The accounting as equations: every request that was sent is in exactly one place."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.analyse.result import Accounting
from loadkit.report import units


@dataclass(frozen=True, slots=True)
class Equation:
    """``total = part + part``; ``holds`` is None when a part is not known."""

    total: tuple[str, str]
    parts: tuple[tuple[str, str], ...]
    holds: bool | None

    @property
    def text(self) -> str:
        """The equation in one line: ``sent 7 = ok 5 + failed 2``."""
        left = " ".join(self.total)
        return f"{left} = " + " + ".join(" ".join(part) for part in self.parts)


def equations(accounting: Accounting) -> tuple[Equation, ...]:
    """Arrivals where the model is open, then requests, then responses."""
    found = []
    if accounting.planned is not None:
        lost = (("unknown", accounting.unknown),) if accounting.unknown else ()
        found.append(
            _equation(
                ("planned", accounting.planned),
                ("started", accounting.started),
                ("never started", accounting.never_started),
                *lost,
            )
        )
    outcomes = (
        ("ok", accounting.ok),
        ("failed", accounting.failed),
        ("raised", accounting.raised),
    )
    rest = (("cancelled", accounting.cancelled), ("in flight", accounting.in_flight))
    found.append(_equation(("sent", accounting.sent), *outcomes, *rest))
    found.append(_equation(("completed", accounting.completed), *outcomes))
    return tuple(found)


def _equation(total: tuple[str, int | None], *parts: tuple[str, int | None]) -> Equation:
    numbers = [number for _, number in (total, *parts)]
    known = [number for number in numbers if number is not None]
    holds = known[0] == sum(known[1:]) if len(known) == len(numbers) else None
    return Equation(_shown(total), tuple(_shown(part) for part in parts), holds)


def _shown(named: tuple[str, int | None]) -> tuple[str, str]:
    name, number = named
    return name, "unknown" if number is None else units.count(number)
