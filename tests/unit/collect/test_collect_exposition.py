"""Expositions: the text format, OpenMetrics, and everything that is neither."""

from __future__ import annotations

import json

import pytest

from loadkit.collect.exposition import Sample, read_exposition
from loadkit.collect.metadata import info_rows
from loadkit.collect.prometheus_samples import SampleLog
from loadkit.collect.subject import instances, selectors
from loadkit.errors import AnswerError
from loadkit.model.roles import MetricInfo

TEXT = """\
# HELP shop_orders_total Orders.
# TYPE shop_orders_total counter
shop_orders_total{result="ok"} 5
# HELP shop_cost_dollars Without the ending.
# TYPE shop_cost_dollars counter
shop_cost_dollars 7.5
# TYPE shop_queue_depth gauge
shop_queue_depth 2 1700000000500
# TYPE shop_seconds histogram
shop_seconds_bucket{le="0.1"} 1
shop_seconds_bucket{le="+Inf"} 2
shop_seconds_sum 0.3
shop_seconds_count 2
# TYPE shop_quantiles summary
shop_quantiles{quantile="0.5"} 0.1
shop_quantiles_sum 1
shop_quantiles_count 9
untyped_thing 1
"""

OPEN = """\
# HELP shop_orders Orders.
# TYPE shop_orders counter
shop_orders_total{result="ok"} 5.0 # {trace_id="a"} 1.0
shop_orders_created{result="ok"} 1.7e9
# TYPE shop_wait_seconds gauge
# UNIT shop_wait_seconds seconds
shop_wait_seconds 2.0
# EOF
"""


def test_the_text_format_keeps_the_names_it_has() -> None:
    found = read_exposition(TEXT, "text/plain; version=0.0.4")
    assert found.infos[:4] == (
        MetricInfo("shop_orders_total", "counter", "Orders."),
        MetricInfo("shop_cost_dollars", "counter", "Without the ending."),
        MetricInfo("shop_queue_depth", "gauge"),
        MetricInfo("shop_seconds", "histogram"),
    )
    assert found.samples[:3] == (
        Sample("shop_orders_total", {"result": "ok"}, 5.0),
        Sample("shop_cost_dollars", {}, 7.5),
        Sample("shop_queue_depth", {}, 2.0, 1700000000.5),
    )
    assert {name for name, _ in found.series} >= {"shop_seconds_bucket", "shop_quantiles_sum"}
    assert len(found.samples) == 11


@pytest.mark.parametrize("kind", ["application/openmetrics-text; version=1.0.0", "text/plain"])
def test_openmetrics_has_units_and_counters_with_their_ending(kind: str) -> None:
    found = read_exposition(OPEN, kind)
    assert found.infos == (
        MetricInfo("shop_orders_total", "counter", "Orders."),
        MetricInfo("shop_wait_seconds", "gauge", "", "seconds"),
    )
    assert [sample.name for sample in found.samples] == [
        "shop_orders_total",
        "shop_orders_created",
        "shop_wait_seconds",
    ]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("<!DOCTYPE html><title>Sign in</title>", "text/html", "web page “Sign in” instead of met"),
        ('{"status":"ok"}', "application/json", "JSON instead of metrics"),
        ("a_total 1\nb_tot", "text/plain", "is cut short: its last line has no end"),
        (OPEN.removesuffix("# EOF\n"), "application/openmetrics-text", "there is no # EOF"),
        ("hello world\n", "text/plain", "no exposition"),
        ("a{b=1} x\n", "text/plain", "no exposition"),
        ("", "text/plain", "is cut short"),
        ("# nothing\n", "text/plain", "without a single metric"),
        ("a_total 1\n" * 30, "text/plain", "has 30 samples, more than 20"),
    ],
)
def test_what_is_no_exposition_is_refused_in_words(text: str, kind: str, said: str) -> None:
    with pytest.raises(AnswerError) as caught:
        read_exposition(text, kind, "http://u:secret@127.0.0.1:1/metrics", most=20)
    assert said in caught.value.what
    assert caught.value.remedy
    assert "secret" not in str(caught.value)


def test_metadata_is_kept_of_what_was_read_and_never_trusted() -> None:
    said = {
        "a_seconds": [{"type": "histogram", "help": "A.", "unit": ""}],
        "b": [{"type": "counter", "help": "B.", "unit": "bytes"}],
        "not_read": [{"type": "gauge"}],
        "broken": "x",
        "empty": [],
        "odd": [3],
        "bare": [{}],
    }
    names = {"a_seconds_bucket", "b_total", "broken", "empty", "odd", "bare"}
    assert info_rows(said, names) == [
        {"name": "a_seconds", "type": "histogram", "help": "A.", "unit": None},
        {"name": "b", "type": "counter", "help": "B.", "unit": "bytes"},
        {"name": "bare", "type": "unknown", "help": None, "unit": None},
    ]


def test_labels_do_not_carry_secrets_into_the_bundle() -> None:
    labels = {
        "__name__": "x_total",
        "path": "/items?token=hunter2hunter2",
        "api_key": "hunter2hunter2",
        "token": "input",
        "le": "+Inf",
        "job": "shop",
    }
    (row,), _ = SampleLog(7).take([{"metric": labels, "values": [(1.0, 1.0)]}])
    assert row["series"] == 7
    kept = json.loads(row["labels"])
    assert "hunter2" not in row["labels"]
    assert kept["path"].startswith("/items?token=")
    assert (kept["token"], kept["le"], kept["job"]) == ("input", "+Inf", "shop")


@pytest.mark.parametrize(
    ("target", "pattern"),
    [
        ("http://127.0.0.1:9090", r"(127\.0\.0\.1|localhost|\[::1\]):9090"),
        ("http://shop.example/x", r"(shop\.example):80"),
        ("https://shop.example", r"(shop\.example):443"),
        ("nonsense", None),
        ("http://[::1", None),
        (None, None),
    ],
)
def test_the_instance_under_test_is_found_by_its_address(
    target: str | None, pattern: str | None
) -> None:
    assert instances(target) == pattern
    assert len(selectors(target)) == (0 if pattern is None else 1)
