"""A bundle of a long run that nobody had to wait for: to see how the report copes with it.

    python benchmarks/long_bundle.py FOLDER [--seconds 600] [--operations 20] [--rate 2000]

Its numbers are drawn at random from a fixed seed: two humps of latency, an overload with a fault in
the middle of it, saturations that follow. It is no measurement of anything. The same arguments give
the same tables.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loadkit.bundle.fold import WINDOW_S
from loadkit.bundle.histogram import COARSE, FINE
from loadkit.bundle.manifest import Manifest
from loadkit.bundle.writer import BundleWriter, compact, create

NS = 1_000_000_000
T0 = 1_000 * NS
WALL = 1_790_000_000 * NS
SATURATIONS = ("database pool", "worker queue", "cache pool", "outbox queue")

Ints = npt.NDArray[np.int64]


def make(
    folder: Path, seconds: int = 600, operations: int = 20, rate: int = 2000, seed: int = 0
) -> Path:
    """Writes the bundle into ``folder``, which must not exist, and returns it.

    Raises:
        UsageError: the folder exists or cannot be made.
    """
    random = np.random.default_rng(seed)
    stages = _stages(seconds, rate)
    manifest = Manifest(
        name="long",
        run_id="0" * 16,
        created="2026-11-24T22:10:03Z",
        loadkit_version="0.1.0",
        state="complete",
        stages=stages,
        t0_mono_ns=T0,
        t0_wall_ns=WALL,
        end_mono_ns=T0 + seconds * NS,
        faults=["latency:store_cost=50ms@peak"],
        slos=["p95 < 300 ms", "errors < 1 %"],
        load_end={"reason": "finished", "message": None, "in_flight": 0},
        generator={"user_classes_known": True},
        host={"cpus": 4, "memory_bytes": 16 << 30, "os": "Linux", "python": "3.11.2"},
        stack={"kind": "embedded", "scale": 15},
    )
    writer = create(folder, manifest)
    _requests(writer, random, stages, operations)
    _surroundings(writer, random, stages, seconds)
    _metrics(writer, random, seconds)
    writer.append("faults", [_fault(seconds)])
    _profiles(writer, random)
    writer.close()
    compact(folder)
    manifest.save(folder)
    return folder


def _stages(seconds: int, rate: int) -> list[dict[str, Any]]:
    plan = (
        ("warm-up", 0.05, 0.2, 0.2),
        ("base", 0.2, 0.2, 0.2),
        ("base-profile", 0.05, 0.2, 0.2),
        ("ramp", 0.2, 0.2, 1.0),
        ("peak", 0.3, 1.0, 1.0),
        ("peak-profile", 0.05, 1.0, 1.0),
        ("recovery", 0.15, 0.2, 0.2),
    )
    stages, start = [], 0
    for name, part, first, last in plan:
        end = seconds if name == "recovery" else start + max(1, round(part * seconds))
        stages.append(
            {
                "name": name,
                "start_s": float(start),
                "duration_s": float(end - start),
                "warmup": name == "warm-up",
                "profile": name.endswith("-profile"),
                "load": {
                    "kind": "rate",
                    "from": rate * first,
                    "to": rate * last,
                    "max_users": 4000,
                },
            }
        )
        start = end
    return stages


def _fault(seconds: int) -> dict[str, Any]:
    start, end = _overload(seconds)
    return {
        "kind": "latency",
        "step": "store_cost",
        "value": 0.05,
        "stage": "peak",
        "mono_ns": T0 + start * NS,
        "end_mono_ns": T0 + end * NS,
    }


def _overload(seconds: int) -> tuple[int, int]:
    return round(0.55 * seconds), round(0.7 * seconds)


def _requests(
    writer: BundleWriter,
    random: np.random.Generator,
    stages: list[dict[str, Any]],
    operations: int,
) -> None:
    names = [f"{('GET', 'POST')[n % 3 == 0]} /api/v1/things-{n:02d}" for n in range(operations)]
    shares = 1 / np.arange(1, operations + 1)
    shares /= shares.sum()
    total = round(stages[-1]["start_s"] + stages[-1]["duration_s"])
    windows: dict[tuple[Any, ...], list[Ints]] = {}
    for stage in stages:
        start, length = round(stage["start_s"]), round(stage["duration_s"])
        first, last = stage["load"]["from"], stage["load"]["to"]
        for second in range(start, start + length):
            planned = round(first + (last - first) * (second - start + 0.5) / length)
            counts = random.multinomial(planned, shares)
            seconds_rows: list[dict[str, Any]] = []
            flow: dict[str, int] = {}
            for n, (operation, count) in enumerate(zip(names, counts.tolist(), strict=True)):
                if not count:
                    continue
                service = _latencies(random, count, n, second, total)
                response = service + random.integers(1_000, 400_000, count)
                bad = random.random(count) < (0.03 if _in_overload(second, total) else 0.0005)
                for outcome, part in (("ok", ~bad), ("failed", bad)):
                    if not part.any():
                        continue
                    flow[outcome] = flow.get(outcome, 0) + int(part.sum())
                    for measure, values in (("response", response), ("service", service)):
                        key = (stage["name"], operation, outcome, measure)
                        seconds_rows.append(_histogram(key, second, values[part], COARSE))
                        place = (*key, second - second % WINDOW_S)
                        windows.setdefault(place, []).append(values[part])
                if bad.any():
                    writer.append("errors", [_error(stage["name"], second, operation, bad)])
                _flow(writer, stage["name"], second, operation, count, bad)
            writer.append("seconds", seconds_rows)
    for (stage_name, operation, outcome, measure, second), parts in sorted(windows.items()):
        key = (stage_name, operation, outcome, measure)
        writer.append("windows", [_histogram(key, second, np.concatenate(parts), FINE)])


def _in_overload(second: int, total: int) -> bool:
    start, end = _overload(total)
    return start <= second < end


def _latencies(
    random: np.random.Generator, count: int, operation: int, second: int, total: int
) -> Ints:
    """Two humps: most from a cache, some past it; both later in an overload, with a long tail."""
    typical = 2e6 * (1 + 0.15 * operation)
    slow = random.random(count) < 0.12
    factor = 6.0 if _in_overload(second, total) else 1.0 + 0.2 * np.sin(second / 17)
    values = random.lognormal(np.log(typical * factor), 0.35, count)
    values = np.where(slow, values * 14, values)
    found: Ints = np.maximum(1_000, values).astype(np.int64)
    return found


def _buckets(values: Ints, bits: int) -> Ints:
    """Those of loadkit.bundle.histogram.bucket_of, for values below 2**52."""
    length = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(0, length - bits - 1)
    found: Ints = np.where(shift > 0, (shift << bits) + (values >> shift), values)
    return found


def _histogram(key: tuple[str, str, str, str], second: int, values: Ints, bits: int) -> Any:
    buckets, counts = np.unique(_buckets(values, bits), return_counts=True)
    stage, operation, outcome, measure = key
    return {
        "stage": stage,
        "second": second,
        "operation": operation,
        "outcome": outcome,
        "measure": measure,
        "count": len(values),
        "sum_ns": int(values.sum()),
        "min_ns": int(values.min()),
        "max_ns": int(values.max()),
        "buckets": buckets.tolist(),
        "counts": counts.tolist(),
    }


def _error(stage: str, second: int, operation: str, bad: npt.NDArray[np.bool_]) -> dict[str, Any]:
    return {
        "stage": stage,
        "second": second,
        "operation": operation,
        "kind": "HTTP 503",
        "message": "503 Service Unavailable",
        "count": int(bad.sum()),
    }


def _flow(
    writer: BundleWriter,
    stage: str,
    second: int,
    operation: str,
    count: int,
    bad: npt.NDArray[np.bool_],
) -> None:
    failed = int(bad.sum())
    events = {"sent": count, "completed": count, "ok": count - failed, "failed": failed}
    rows = [(operation, event, n) for event, n in events.items() if n]
    rows += [("", "planned", count), ("", "started", count)]
    keys = ("stage", "second", "operation", "event", "count")
    writer.append("flow", [dict(zip(keys, (stage, second, *row), strict=True)) for row in rows])


def _surroundings(
    writer: BundleWriter, random: np.random.Generator, stages: list[dict[str, Any]], seconds: int
) -> None:
    peak = max(stage["load"]["from"] for stage in stages)
    for second in range(seconds):
        at = T0 + second * NS + NS // 2
        stage = next(s for s in reversed(stages) if s["start_s"] <= second)
        use = stage["load"]["from"] / peak * (1.2 if _in_overload(second, seconds) else 0.8)
        near = float(np.clip(use * random.normal(0.8, 0.05), 0.01, 1.0))
        writer.append("clock", [{"mono_ns": at, "wall_ns": at - T0 + WALL}])
        host = {"cpu_ratio": near * 0.7, "memory_ratio": 0.4, "disk_free_bytes": 1 << 38}
        writer.append("host", [{"mono_ns": at, "load_1m": near * 4, **host}])
        process = {"pid": 4711, "threads": 12, "open_files": 60}
        rows = [
            {"mono_ns": at, "process": name, "cpu_ratio": near * part, "rss_bytes": 90 << 20}
            for name, part in (("service", 0.9), ("database", 0.6))
        ]
        writer.append("processes", [row | process for row in rows])
        writer.append("generator", [_generator(at, near)])


def _generator(at: int, near: float) -> dict[str, Any]:
    return {
        "mono_ns": at,
        "worker": None,
        "users": 200,
        "in_flight": 40,
        "cpu_ratio": near * 0.4,
        "run_delay_ns": 100_000,
        "loop_lag_ns": 400_000,
        "gc_pause_ns": 50_000,
        "gc_count": 1,
        "rss_bytes": 120 << 20,
        "open_files": 240,
        "max_files": 65_536,
        "free_ports": 20_000,
    }


def _metrics(writer: BundleWriter, random: np.random.Generator, seconds: int) -> None:
    series: list[tuple[str, dict[str, str], npt.NDArray[np.float64]]] = []
    time = np.arange(seconds)
    load = np.where([_in_overload(n, seconds) for n in range(seconds)], 0.95, 0.4)
    series.append(("up", {}, np.ones(seconds)))
    cpu = np.cumsum(load + random.normal(0, 0.02, seconds))
    series.append(("process_cpu_seconds_total", {}, cpu))
    for status, part in (("200", 0.99), ("503", 0.01)):
        total = np.cumsum(2000 * load * part).round()
        series.append(("http_requests_total", {"status": status, "path": "/api"}, total))
    for name in SATURATIONS:
        stem = name.replace(" ", "_")
        size, used = ("size", "in_use") if name.endswith("pool") else ("capacity", "depth")
        series.append((f"{stem}_{size}", {}, np.full(seconds, 20.0)))
        gauge = np.clip(20 * load * random.normal(1, 0.2, seconds), 0, 20).round()
        series.append((f"{stem}_{used}", {}, gauge))
    for number, (name, labels, values) in enumerate(series):
        row = {"series": number, "name": name, "job": "service", "instance": "service:8000"}
        labelled = json.dumps(labels | {"job": "service", "instance": "service:8000"})
        writer.append("series", [row | {"labels": labelled}])
        stamps = WALL + time * NS + NS // 3
        rows = zip(stamps.tolist(), values.tolist(), strict=True)
        samples = [{"series": number, "wall_ns": at, "value": value} for at, value in rows]
        writer.append("metrics", samples)


_PROFILE = {
    "pid": 4711,
    "mono_ns": T0,
    "duration_s": 20.0,
    "rate_hz": 100,
    "errors": 0,
    "blocking": True,
    "message": None,
}


def _profiles(writer: BundleWriter, random: np.random.Generator) -> None:
    for stage in ("base-profile", "peak-profile"):
        for process in ("service", "database"):
            stacks = _stacks(random, 2000)
            owner = {"stage": stage, "process": process}
            rows = [
                {**owner, "stack": stack, "count": count, "rooted": True}
                for stack, count in sorted(stacks.items())
            ]
            writer.append("profiles", rows)
            writer.append("profile_runs", [{**owner, **_PROFILE, "samples": stacks.total()}])


def _stacks(random: np.random.Generator, samples: int) -> Counter[str]:
    """A framework's frames on top of each other, then a tree that branches, some ways often."""
    found: Counter[str] = Counter()
    for _ in range(samples):
        path, frames = "", [f"serve_{n} (framework.py:{100 + n})" for n in range(6)]
        for depth in range(int(random.integers(3, 12))):
            path += str(min(3, random.geometric(0.6) - 1))
            frames.append(f"step_{path} (part_{depth % 5}.py:{40 + depth})")
        found[";".join(frames)] += 1
    return found


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--operations", type=int, default=20)
    parser.add_argument("--rate", type=int, default=2000)
    options = parser.parse_args()
    print(make(options.folder, options.seconds, options.operations, options.rate))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
