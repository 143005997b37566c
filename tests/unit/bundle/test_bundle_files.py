"""Bundles on disk: written, cut, full, compacted, foreign."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadkit import load_run
from loadkit.bundle.clock import ClockMap
from loadkit.bundle.histogram import Histogram
from loadkit.bundle.manifest import Manifest, load_manifest
from loadkit.bundle.schema import BY_NAME, VERSION
from loadkit.bundle.stream import StreamWriter, read_stream
from loadkit.bundle.writer import BundleWriter, compact, create
from loadkit.errors import BundleError, UsageError

T0 = 5_000_000_000_000
WALL0 = 1_790_000_000_000_000_000


def manifest(**values: Any) -> Manifest:
    base = {"name": "x", "run_id": "r", "created": "2026-11-24T00:00:00Z", "loadkit_version": "0"}
    return Manifest(**(base | {"t0_mono_ns": T0, "t0_wall_ns": WALL0} | values))


def interval(second: int, latencies: list[int], stage: str = "peak") -> dict[str, Any]:
    histogram = Histogram()
    for latency in latencies:
        histogram.record(latency)
    order = sorted(histogram.buckets)
    return {
        "stage": stage,
        "second": second,
        "operation": "GET /",
        "outcome": "ok",
        "measure": "response",
        "count": histogram.count,
        "sum_ns": histogram.sum_ns,
        "min_ns": histogram.min_ns,
        "max_ns": histogram.max_ns,
        "buckets": order,
        "counts": [histogram.buckets[i] for i in order],
    }


def small_bundle(directory: Path) -> BundleWriter:
    writer = create(directory, manifest())
    writer.append("intervals", [interval(3, [1_000_000, 2_000_000]), interval(14, [9_000_000])])
    writer.append("intervals", [interval(3, [7_000_000])])
    writer.append("clock", [{"mono_ns": T0, "wall_ns": WALL0}])
    writer.append("logs", [{"wall_ns": WALL0 + 2_500_000_000, "level": "info", "message": "hi"}])
    writer.append("host", [{"mono_ns": T0 - 1_500_000_000, "cpu_ratio": 0.25}])
    writer.flush()
    return writer


@pytest.mark.parametrize("compacted", [False, True])
def test_a_bundle_reads_the_same_while_running_and_compacted(
    tmp_path: Path, compacted: bool
) -> None:
    writer = small_bundle(tmp_path / "b")
    if compacted:
        assert writer.close() == {}
        assert compact(tmp_path / "b") == []
        assert not list((tmp_path / "b" / "tables").glob("*.arrows"))
    run = load_run(tmp_path / "b")
    assert run.seconds[["second", "count"]].to_numpy().tolist() == [[3, 3], [14, 1]]
    assert run.windows["second"].tolist() == [0, 10]
    histogram = run.histogram(stage="peak")
    assert (histogram.count, histogram.min_ns, histogram.max_ns) == (4, 1_000_000, 9_000_000)
    assert histogram.sum_ns == 19_000_000
    assert run.logs["t_s"].tolist() == [2.5]
    assert run.host["t_s"].tolist() == [-1.5]
    assert set(run.spans.columns) == {*BY_NAME["spans"].schema.names, "t_s"}
    assert run.cut == (() if compacted else ("clock", "host", "intervals", "logs"))


def test_a_cut_stream_loses_its_last_batch_only(tmp_path: Path) -> None:
    path = tmp_path / "host.arrows"
    writer = StreamWriter(path, "host")
    for number in range(10):
        writer.append([{"mono_ns": number, "cpu_ratio": 0.5}])
        writer.flush()
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    table, ended = read_stream(path)
    assert not ended
    assert table["mono_ns"].to_pylist() == list(range(9))
    writer.close()


def test_a_full_disk_loses_no_whole_row_and_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes 700 bytes more, then nothing, then everything again."""
    path = tmp_path / "host.arrows"
    writer = StreamWriter(path, "host")
    writer.append([{"mono_ns": 1}])
    writer.flush()
    real, room = os.write, [70]

    def scarce(fd: int, data: Any) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = real(fd, data[: room[0]])
        room[0] -= taken
        return taken

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", scarce)
        writer.append([{"mono_ns": 2}])
        writer.flush()
        assert writer.failure is not None and "No space" in writer.failure
        assert read_stream(path)[0]["mono_ns"].to_pylist() == [1]
    writer.append([{"mono_ns": 3}])
    writer.close()
    table, ended = read_stream(path)
    assert ended and table["mono_ns"].to_pylist() == [1, 2, 3]
    assert writer.lost == 0


def test_a_stream_begun_on_a_full_disk_is_whole_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: Any) -> int:
        raise OSError(28, "No space left on device")

    writer = StreamWriter(tmp_path / "host.arrows", "host")
    writer.append([{"mono_ns": 1}])
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        writer.flush()
    writer.close()
    table, ended = read_stream(tmp_path / "host.arrows")
    assert ended and table["mono_ns"].to_pylist() == [1]


def test_rows_that_never_fit_are_counted_as_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = create(tmp_path / "b", manifest())

    def full(fd: int, data: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    writer.append("host", [{"mono_ns": 1}, {"mono_ns": 2}])
    assert writer.flush() is not None
    assert writer.close() == {"host": 2}


def test_a_wrong_column_or_table_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    writer = create(tmp_path / "b", manifest())
    with pytest.raises(KeyError, match="no column 'cpu'"):
        writer.append("host", [{"cpu": 1}])
    with pytest.raises(KeyError, match="no table 'hosts'"):
        writer.append("hosts", [{"mono_ns": 1}])


def test_a_crash_between_parquet_and_removal_counts_nothing_twice(tmp_path: Path) -> None:
    small_bundle(tmp_path / "b").close()
    folder = tmp_path / "b" / "tables"
    streams = {path: path.read_bytes() for path in folder.glob("*.arrows")}
    compact(tmp_path / "b")
    for path, data in streams.items():
        path.write_bytes(data)
    assert load_run(tmp_path / "b").histogram().count == 4


def test_nanoseconds_are_strings_in_the_manifest_and_numbers_in_memory(tmp_path: Path) -> None:
    manifest().save(tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text())["t0_wall_ns"] == str(WALL0)
    assert load_manifest(tmp_path) == manifest()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ('{"format": "other"}', "not a loadkit-bundle"),
        ('{"format": "loadkit-bundle", "version": 99}', "bundle of version 99"),
        ('{"format": "loadkit-bundle", "version": 1}', "fields are missing"),
        (None, "manifest.json is missing"),
    ],
)
def test_what_is_no_bundle_is_refused_by_name(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(BundleError, match=message) as caught:
        load_run(tmp_path)
    assert caught.value.exit_status == 2
    assert str(tmp_path) in str(caught.value)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    small_bundle(tmp_path / "b").close()
    compact(tmp_path / "b")
    (tmp_path / "b" / "tables" / "logs.parquet").write_bytes(b"PAR1")
    with pytest.raises(BundleError, match=r"logs\.parquet"):
        load_run(tmp_path / "b")


def test_a_bundle_is_never_written_over(tmp_path: Path) -> None:
    create(tmp_path / "b", manifest())
    with pytest.raises(UsageError, match="already there"):
        create(tmp_path / "b", manifest())


def test_a_newer_version_is_higher() -> None:
    assert VERSION == 3


def test_foreign_stamps_follow_a_wall_clock_that_is_stepped() -> None:
    second = 10**9
    pairs = [(T0 + i * second, WALL0 + i * second) for i in range(5)]
    pairs += [(T0 + i * second, WALL0 + (i + 100) * second) for i in range(5, 10)]
    clock = ClockMap(pairs)
    stamps = np.array([WALL0 + 2 * second + 7, WALL0 + 107 * second, WALL0 - second])
    assert (clock.to_mono(stamps) - T0).tolist() == [2 * second + 7, 7 * second, -second]
