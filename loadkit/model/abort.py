"""Abort rules: what must not go on for so many seconds, or the load is ended early."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from loadkit.errors import UsageError
from loadkit.model.objective import Slo

ERRORS, SLO, PROMQL = "errors", "slo", "promql"
KINDS = (ERRORS, SLO, PROMQL)
SHORTEST_S = 1.0
LONGEST_S = 600.0

_HELD = re.compile(
    r"(?P<what>.*\S)\s+for\s+(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>s|m|min)?\s*",
    re.DOTALL | re.IGNORECASE,
)
_SHARE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*%")
_UNIT_S = {None: 1.0, "s": 1.0, "m": 60.0, "min": 60.0}
EXAMPLES = {
    ERRORS: "50 % for 10 s",
    SLO: "p95 < 300 ms for 20 s",
    PROMQL: "up == 0 for 5 s",
}


@dataclass(frozen=True, slots=True)
class AbortRule:
    """One rule, as text: ``KIND: WHAT for TIME``.

    ======== ===================== ========================================================
    kind     example               breached while
    ======== ===================== ========================================================
    errors   50 % for 10 s         at least that share of the requests that end has failed
    slo      p95 < 300 ms for 20 s the objective is missed
    promql   up == 0 for 5 s       the expression returns anything
    ======== ===================== ========================================================

    ``held_s`` is how long in seconds; ``ratio`` the share of an ``errors`` rule (0 to 1), ``slo``
    and ``expression`` what the others hold.

    Raises:
        UsageError: the kind is not known, or the text is not understood.
    """

    kind: str
    text: str
    held_s: float = field(init=False)
    ratio: float | None = field(init=False, default=None)
    slo: Slo | None = field(init=False, default=None)
    expression: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(
                f"abort rule {self.kind!r} is of no known kind", remedy=f"Kinds: {_listed()}."
            )
        what, held_s = _split(self.kind, self.text)
        values: dict[str, object] = {"held_s": held_s}
        if self.kind == ERRORS:
            values["ratio"] = _ratio(self.text, what)
        elif self.kind == SLO:
            values["slo"] = _slo(self.text, what)
        else:
            values["expression"] = what
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def parse(cls, text: str) -> AbortRule:
        """``errors: …``, ``slo: …`` or ``promql: …``, as a scenario has it.

        Raises:
            UsageError: the text does not begin with a kind, or is not understood.
        """
        kind, colon, rest = text.partition(":") if isinstance(text, str) else ("", "", "")
        if not colon or kind.strip() not in KINDS:
            examples = " or ".join(f"{kind!s}: {shown}" for kind, shown in EXAMPLES.items())
            raise UsageError(
                f"abort rule {text!r} does not say what it is about", remedy=f"Write {examples}."
            )
        return cls(kind.strip(), rest.strip())

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def abort_rules(
    errors: Iterable[str] = (), slo: Iterable[str] = (), promql: Iterable[str] = ()
) -> tuple[AbortRule, ...]:
    """Rules of each kind from their texts.

    Raises:
        UsageError: one is not understood.
    """
    given = ((ERRORS, errors), (SLO, slo), (PROMQL, promql))
    return tuple(AbortRule(kind, text) for kind, texts in given for text in texts)


def _listed() -> str:
    return ", ".join(KINDS)


def _remedy(kind: str) -> str:
    return f"Write for example {EXAMPLES[kind]!r}."


def _split(kind: str, text: str) -> tuple[str, float]:
    """(what is before the last ``for``, how long in seconds)."""
    found = _HELD.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise UsageError(
            f"abort rule {text!r} does not say for how long", where=kind, remedy=_remedy(kind)
        )
    unit = found["unit"]
    held_s = float(found["number"]) * _UNIT_S[None if unit is None else unit.lower()]
    if not SHORTEST_S <= held_s <= LONGEST_S:
        raise UsageError(
            f"abort rule {text!r}: {held_s:g} s is not between {SHORTEST_S:g} s and "
            f"{LONGEST_S:g} s",
            where=kind,
            remedy="What is judged is whole seconds of the load.",
        )
    return found["what"].strip(), held_s


def _ratio(text: str, what: str) -> float:
    found = _SHARE.fullmatch(what)
    ratio = float(found["number"]) / 100 if found else 0.0
    if not 0 < ratio <= 1:
        raise UsageError(
            f"abort rule {text!r}: a share of failed requests is above 0 % and at most 100 %",
            where=ERRORS,
            remedy=_remedy(ERRORS),
        )
    return ratio


def _slo(text: str, what: str) -> Slo:
    try:
        return Slo(what)
    except UsageError as error:
        raise UsageError(
            f"abort rule {text!r}: {error.what}", where=SLO, remedy=_remedy(SLO)
        ) from None
