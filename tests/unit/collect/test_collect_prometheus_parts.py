"""Selectors, chunks, de-duplication, times: what the Prometheus collectors are made of."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.collect import prometheus_select as select
from loadkit.collect.alerts import alert_row, wall_ns
from loadkit.collect.answers import refusal
from loadkit.collect.fetch import base_url
from loadkit.collect.prometheus_api import seconds_of
from loadkit.collect.prometheus_samples import SampleLog, chunks
from loadkit.errors import UsageError

_NAMES = re.compile("|".join(f"(?:{name})" for name in select.CHOSEN))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("node_cpu_seconds_total", True),
        ("node_memory_MemAvailable_bytes", True),
        ("node_memory_HugePages_Free", False),
        ("node_pressure_io_stalled_seconds_total", True),
        ("node_network_receive_bytes_total", True),
        ("node_netstat_Tcp_OutSegs", False),
        ("alertmanager_notifications_failed_total", True),
        ("prometheus_tsdb_head_series", True),
        ("prometheus_tsdb_head_chunks", False),
    ],
)
def test_choice_of_the_machine_and_prometheus(name: str, kept: bool) -> None:
    assert bool(_NAMES.fullmatch(name)) is kept


def test_selectors() -> None:
    assert select.job_matcher(None) == 'job=~".+"'
    assert select.job_matcher(["a", "b.c"]) == 'job=~"a|b.c"'
    others, chosen = select.job_selectors(["a"])
    assert others.startswith('{job=~"a",__name__!~"node_.*|prometheus_.*')
    assert chosen.startswith('{job=~"a",__name__=~"node_cpu_seconds_total|')
    assert select.rule_selectors(["x:y", "a:b"], None) == (
        '{__name__=~"ALERTS|ALERTS_FOR_STATE"}',
        '{__name__=~"a:b|x:y"}',
    )
    (states,) = select.rule_selectors([], ["SLO-A"])
    assert states.endswith(',alertname=~"SLO\\\\-A"}')
    assert select.quoted('a"\\') == '"a\\"\\\\"'


def _entry(name: str, stamps: list[float]) -> dict[str, Any]:
    return {
        "metric": {"__name__": name, "job": "j", "instance": "i"},
        "values": [[stamp, str(stamp)] for stamp in stamps],
    }


def test_overlapping_chunks_give_each_sample_once() -> None:
    log = SampleLog()
    series, samples = log.take([_entry("a", [1.0, 1.667]), _entry("b", [1.0])])
    assert [(row["series"], row["name"], row["labels"]) for row in series] == [
        (0, "a", '{"instance":"i","job":"j"}'),
        (1, "b", '{"instance":"i","job":"j"}'),
    ]
    assert samples[1] == {"series": 0, "wall_ns": 1_667_000_000, "value": 1.667}
    series, samples = log.take([_entry("a", [1.667, 2.334])])
    assert (series, samples) == ([], [{"series": 0, "wall_ns": 2_334_000_000, "value": 2.334}])
    assert log.series_count == 2


@given(
    st.integers(1, 400).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.floats(0.05, 30), min_size=1, max_size=20))
    )
)
def test_any_cutting_into_chunks_loses_and_doubles_nothing(given_: tuple[int, list[float]]) -> None:
    count, steps = given_
    stamps = [round(1_000 + index * 0.667, 3) for index in range(count)]
    log, taken, until = SampleLog(), [], 1_000.0 - 0.667
    last = stamps[-1]
    draw = iter(steps * (int(count / min(steps)) + 2))
    while until < last:
        since, until = until, until + next(draw)
        for end, length_ms in chunks(since, until, overlap_s=2.0):
            inside = [s for s in stamps if end - length_ms / 1_000 <= s <= end]
            taken += log.take([_entry("a", inside)])[1]
    assert [row["value"] for row in taken] == stamps


def test_long_gap_is_read_in_pieces() -> None:
    assert chunks(0.0, 130.0, 5.0) == [(60.0, 65_000), (120.0, 65_000), (130.0, 15_000)]
    assert chunks(10.0, 10.0, 5.0) == []


def test_special_values() -> None:
    log = SampleLog()
    entry = {"metric": {"__name__": "a"}, "values": [[1, "NaN"], [2, "+Inf"], [3, "-Inf"]]}
    series, samples = log.take([entry])
    assert [str(row["value"]) for row in samples] == ["nan", "inf", "-inf"]
    assert (series[0]["job"], series[0]["instance"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("2026-11-25T00:00:01Z", 1_795_564_801_000_000_000),
        ("2026-11-25T00:00:01.123456789Z", 1_795_564_801_123_456_789),
        ("2026-11-25T01:00:01.5+01:00", 1_795_564_801_500_000_000),
    ],
)
def test_stamps_keep_their_nanoseconds(text: str, nanos: int) -> None:
    assert wall_ns(text) == nanos


@given(st.integers(0, 4_000_000_000), st.integers(0, 999_999_999))
def test_stamps_of_any_time(seconds: int, nanos: int) -> None:
    from datetime import UTC, datetime

    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanos:09d}Z"
    assert wall_ns(text) == seconds * 10**9 + nanos


def test_alert_row() -> None:
    alert = {
        "labels": {"severity": "critical", "alertname": "A"},
        "state": "pending",
        "activeAt": "2026-11-25T00:00:01Z",
        "value": "8.1e-02",
    }
    assert alert_row(alert, 7) == {
        "mono_ns": 7,
        "alert": "A",
        "labels": '{"alertname":"A","severity":"critical"}',
        "state": "pending",
        "active_wall_ns": 1_795_564_801_000_000_000,
        "value": 0.081,
    }


@pytest.mark.parametrize(
    ("text", "seconds"), [("667ms", 0.667), ("1m30s", 90.0), ("15s", 15.0), ("", 0.0), ("x", 0.0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == pytest.approx(seconds)


@pytest.mark.parametrize("url", ["prom:9090", "ftp://x", "http://", "http://h:99999", "http://[x"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--prometheus"):
        base_url(url, "--prometheus")


def test_refusal_names_the_remedy_and_no_secret() -> None:
    error = refusal(401, "", "http://u:pw@h/x")
    assert "LOADKIT_PROMETHEUS_HEADERS" in str(error)
    assert "pw" not in str(error)


def test_order_of_series_does_not_matter() -> None:
    entries = [_entry(name, [1.0]) for name in "abcdef"]
    random.Random(3).shuffle(entries)
    log = SampleLog()
    log.take(entries)
    assert log.take(reversed(entries)) == ([], [])
