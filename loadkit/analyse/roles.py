"""Guesses from names, types and labels which metrics are rate, errors, duration and saturation.

Pure, and made for two: analysis, which knows what the series did during the run, and
``loadkit init``, which has only an exposition. Nothing here knows any service.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from loadkit.analyse import roles_requests as requests
from loadkit.analyse.roles_families import Family, Labelled, catalogue
from loadkit.analyse.roles_saturation import saturation
from loadkit.model.roles import DURATION, ERRORS, RATE, SATURATION, Guess, MetricInfo

__all__ = ["Family", "catalogue", "guess", "guess_families"]

WHY_NOT = {
    RATE: "no counter of requests was found by its name and labels",
    ERRORS: "the rate has no label that tells failures, and no counter of failures goes with it",
    DURATION: "no histogram or summary of request times was found by its name and unit",
    SATURATION: "no pair of used and limit, no share and no counter of seconds in use was found",
}


def guess(
    infos: Iterable[MetricInfo],
    series: Iterable[Labelled],
    growth: Mapping[str, float] | None = None,
    sent: float | None = None,
) -> Guess:
    """The roles of the metrics of one service.

    Args:
        infos: what is declared of them; may be empty.
        series: name and labels of each series, such as ``("http_requests_total", {"code": "200"})``
            and ``("request_seconds_bucket", {"le": "0.1"})``.
        growth: name of a counter → how much it grew while load was sent, where that is known.
        sent: requests sent meanwhile.
    """
    return guess_families(catalogue(infos, series), growth, sent)


def guess_families(
    families: tuple[Family, ...],
    growth: Mapping[str, float] | None = None,
    sent: float | None = None,
    around: tuple[Family, ...] | None = None,
) -> Guess:
    """The same of families that are known already.

    ``around`` has those of what the service uses too, a database say: it may be full as well.
    """
    rate = requests.rate(families, growth or {}, sent)
    found = {
        RATE: rate,
        ERRORS: requests.errors(families, rate),
        DURATION: requests.duration(families, rate),
    }
    shares = saturation(families if around is None else around)
    missing = {role: WHY_NOT[role] for role, choice in found.items() if choice is None}
    if not shares:
        missing[SATURATION] = WHY_NOT[SATURATION]
    return Guess(found[RATE], found[ERRORS], found[DURATION], shares, missing)
