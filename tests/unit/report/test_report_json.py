"""The JSON report against its schema."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_sample import VARIANTS, bare, nothing, peak

from loadkit.analyse.result import AlertSpell
from loadkit.report import json as report_json

_SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"


def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    return found


def _rendered(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report_json.render(VARIANTS[name]()))
    return found


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(_schema())
    assert _schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_fits_the_schema(name: str) -> None:
    jsonschema.Draft202012Validator(_schema()).validate(_rendered(name))


@pytest.mark.parametrize("change", [{"extra": 1}, {"verdict": "fine"}, {"format": "other/1"}])
def test_the_schema_refuses_what_is_not_described(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(_schema()).validate(_rendered("peak") | change)


@pytest.mark.parametrize("key", ["accounting", "operations", "alerts", "exit_status"])
def test_the_schema_misses_what_is_left_out(key: str) -> None:
    document = _rendered("peak")
    del document[key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(_schema()).validate(document)


def test_numbers_are_those_of_the_analysis() -> None:
    document = _rendered("peak")
    assert document["format"] == "loadkit-report/1"
    assert (document["exit_status"], document["verdict"]) == (4, "failed")
    assert document["generator"]["verdict"] == "valid"
    assert document["accounting"]["failed"] == 540
    row = next(
        r
        for r in document["operations"]
        if r["stage"] == "peak" and r["operation"] == "POST /api/v1/costs"
    )
    assert row["count"] == 4050
    assert row["response_s"]["p95"] == pytest.approx(0.0083 * 3.4)
    assert row["service_s"]["p999"] == pytest.approx(0.008 * 15.7)
    assert document["slos"][2]["verdict"] == "failed" and document["slos"][2]["first_bad_s"] == 55.0


def test_an_alert_that_never_fired_has_a_row_of_nulls() -> None:
    rows = {row["name"]: row for row in _rendered("peak")["alerts"]}
    silent = rows["SlowResponseTime"]
    assert silent["verdict"] == "passed"
    moments = ("pending_at", "firing_at", "resolved_at", "notified_at", "receiver")
    assert [silent[key] for key in moments] == [None] * 5
    withheld = rows["DatabaseDown"]
    assert withheld["verdict"] == "inconclusive" and withheld["firing_at"] is None
    assert withheld["note"] == "no source: this stack has no job postgres"
    assert rows["HighErrorRate"]["firing_at"] == 88.1
    assert rows["HighErrorRate"]["notified_at"] == pytest.approx(88.81)


def test_every_spell_has_its_row() -> None:
    analysis = peak()
    first = analysis.alerts[0]
    again = AlertSpell(first.name, {}, 120.0, 130.0, None, None, None, None, 140.0)
    twice = replace(first, spells=(*first.spells, again))
    document = json.loads(report_json.render(replace(analysis, alerts=(twice,))))
    assert [row["firing_at"] for row in document["alerts"]] == [88.1, 130.0]


def test_unknown_is_null_and_never_zero() -> None:
    document = _rendered("nothing")
    assert document["accounting"]["sent"] is None and document["accounting"]["completed"] is None
    assert document["generator"]["cpu_max"] is None
    assert _rendered("bare")["accounting"]["planned"] is None
    assert nothing().accounting.sent is None and bare().accounting.planned is None


def test_what_json_cannot_say_is_null() -> None:
    analysis = replace(peak(), end_s=145.0)
    stage = replace(analysis.stages[0], achieved=float("nan"), offered=float("inf"))
    text = report_json.render(replace(analysis, stages=(stage,)))
    assert "NaN" not in text and "Infinity" not in text
    assert json.loads(text)["stages"][0]["achieved"] is None


def test_the_same_run_gives_the_same_text() -> None:
    assert report_json.render(peak()) == report_json.render(peak())
    assert report_json.render(peak()).endswith("}\n")
