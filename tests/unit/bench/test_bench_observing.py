"""The cost of observing: ratios within rounds, judged, kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadkit.bench import observing
from loadkit.bench.observing import UNTRACED, UNWATCHED, WATCHED
from loadkit.bench.result import FAILED, INCONCLUSIVE, PASSED, Result
from loadkit.run import observed

Taken = dict[str, dict[int, dict[str, float]]]


def taken(ratio: float, rounds: int) -> Taken:
    """Rounds in which the machine was quick and slow in turn, so only ratios within them agree."""
    found: Taken = {WATCHED: {}, UNWATCHED: {}, UNTRACED: {}}
    for number in range(rounds):
        base = 1e-3 * (1 + number % 2)
        for arm, times in ((WATCHED, 1.5 * ratio), (UNWATCHED, 1.5), (UNTRACED, 1.0)):
            found[arm][number] = {"cpu_s": base * times, "p50_s": 2e-3, "p99_s": 9e-3}
    return found


def result(values: Taken) -> Result:
    made = Result("observing", rows=observing._rows(values), versions={"loadkit": "0.1.0"})
    made.verdicts = observing._verdicts(made)
    return made


@pytest.mark.parametrize(
    ("ratio", "rounds", "status"),
    [(1.04, 8, PASSED), (1.06, 8, FAILED), (1.04, 7, INCONCLUSIVE)],
)
def test_the_ratio_within_rounds_is_judged(ratio: float, rounds: int, status: str) -> None:
    (verdict,) = result(taken(ratio, rounds)).verdicts
    assert verdict.status == status
    assert verdict.observed.startswith(f"{ratio:.3f} × (95 % interval {ratio:.3f} to {ratio:.3f}")


def test_tracing_has_a_ratio_of_its_own() -> None:
    rows = result(taken(1.02, 8)).rows
    ratios = {tuple(row["of"]): row["cpu_s"]["median"] for row in rows if row["kind"] == "ratio"}
    assert ratios == {
        (WATCHED, UNWATCHED): pytest.approx(1.02),
        (UNWATCHED, UNTRACED): pytest.approx(1.5),
    }


def test_a_round_without_a_partner_is_left_out() -> None:
    values = taken(1.02, 9)
    del values[UNWATCHED][0]
    (verdict,) = result(values).verdicts
    assert "8 pairs" in verdict.observed


def test_nothing_measured_is_inconclusive() -> None:
    found = result({WATCHED: {}, UNWATCHED: {}, UNTRACED: {}})
    assert [verdict.status for verdict in found.verdicts] == [INCONCLUSIVE]
    assert found.exit_status == 5


@pytest.mark.parametrize(("rounds", "kept"), [(8, True), (7, False)])
def test_only_enough_pairs_are_kept_for_reports(
    rounds: int, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    observing._keep(result(taken(1.02, rounds)))
    last = observed.last()
    assert (last is not None) is kept
    if last is not None:
        assert last["pairs"] == 8
        assert last["cpu_ratio"]["median"] == pytest.approx(1.02)
        assert last["loadkit"] == "0.1.0"


def test_the_scenario_is_a_python_file_for_both_ways() -> None:
    text = observing._FILE.format(rate=100.0, warm_up=5.0, stage="steady", duration=30.0)
    compile(text, "scenario.py", "exec")
    assert 'f"demo-{tier}-key-{n}"' in text
    assert 'Stage("steady", load=loadkit.Rate(100.0), duration=30.0)' in text.replace("'", '"')
