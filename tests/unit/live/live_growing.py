"""A bundle that grows: a finished one is written again row by row, as a run would write it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from loadkit import load_run
from loadkit.bundle.histogram import COARSE, bucket_edges, bucket_of
from loadkit.bundle.manifest import Manifest
from loadkit.bundle.schema import BY_NAME
from loadkit.bundle.writer import BundleWriter, compact, create

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "reports" / "example"


class Growing:
    """Writes the rows of ``source`` into a new bundle, as far as one says.

    ``times`` plays the source so often, one after the other, for a longer run; the stages become
    longer by as much.
    """

    def __init__(self, directory: Path, origin: Path = EXAMPLE, times: int = 1) -> None:
        self.origin = origin
        self.source = load_run(origin)
        self.length_s = float(sum(stage["duration_s"] for stage in self.source.manifest.stages))
        self.times = times
        self.directory = directory
        self.second = -1
        self.manifest = self._manifest()
        self.writer: BundleWriter = create(directory, self.manifest)
        self._rows = self._by_second()

    def _manifest(self) -> Manifest:
        stages, start = [], 0.0
        for stage in self.source.manifest.stages:
            length = stage["duration_s"] * self.times
            stages.append({**stage, "start_s": start, "duration_s": length})
            start += length
        return replace(
            self.source.manifest,
            state="running",
            stages=stages,
            t0_mono_ns=None,
            t0_wall_ns=None,
            end_mono_ns=None,
            load_end=None,
            exit_status=None,
        )

    def _by_second(self) -> dict[int, dict[str, list[dict[str, Any]]]]:
        """Second of the run → table → rows."""
        found: dict[int, dict[str, list[dict[str, Any]]]] = {}
        for name in BY_NAME:
            if name == "windows" or not (rows := self._stored(name)):
                continue
            into = "intervals" if name == "seconds" else name
            for row, at in zip(rows, self._when(name, len(rows)), strict=True):
                for turn in range(self.times if at is not None else 1):
                    second = -1 if at is None else max(-1, int(at)) + turn * self._turn
                    moved = self._moved(row, turn) if turn else row
                    found.setdefault(second, {}).setdefault(into, []).append(moved)
        return found

    def _stored(self, name: str) -> list[dict[str, Any]]:
        path = self.origin / "tables" / f"{name}.parquet"
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist() if path.exists() else []
        for row in rows if name == "seconds" else ():
            row["buckets"] = [bucket_of(bucket_edges(n, COARSE)[0]) for n in row["buckets"]]
        return rows

    def _when(self, name: str, count: int) -> list[float | None]:
        """When each row was written, seconds of the load; None: before it."""
        frame = getattr(self.source, name)
        for column in ("t_s", "second"):
            if column in frame:
                return [float(value) for value in frame[column]]
        return [None] * count

    @property
    def _turn(self) -> int:
        return int(self.length_s)

    def _moved(self, row: dict[str, Any], turn: int) -> dict[str, Any]:
        by, row = turn * self._turn, dict(row)
        for key in ("mono_ns", "wall_ns", "end_mono_ns", "active_wall_ns"):
            if row.get(key) is not None:
                row[key] += by * 1_000_000_000
        if row.get("second") is not None:
            row["second"] += by
            row["stage"] = self._stage_at(row["second"])
        return row

    def _stage_at(self, second: int) -> str:
        for stage in self.manifest.stages:
            if second < stage["start_s"] + stage["duration_s"]:
                return str(stage["name"])
        return str(self.manifest.stages[-1]["name"])

    def begin(self) -> None:
        """The load begins: from here on there is a time base."""
        self.manifest.t0_mono_ns = self.source.manifest.t0_mono_ns
        self.manifest.t0_wall_ns = self.source.manifest.t0_wall_ns
        self.manifest.save(self.directory)

    def grow(self, until: int) -> None:
        """Writes everything up to a second of the load."""
        for second in range(self.second, until):
            for table, rows in self._rows.get(second, {}).items():
                self.writer.append(table, rows)
            self.writer.flush()
        self.second = max(self.second, until)

    def finish(self) -> None:
        """The load ends in order; the streams become Parquet."""
        self.grow(max(self._rows) + 1)
        self.close_streams()
        compact(self.directory)
        self.manifest.state = "complete"
        self.manifest.save(self.directory)

    def close_streams(self) -> None:
        """All rows are written; nothing is compacted yet."""
        assert self.manifest.t0_mono_ns is not None
        self.writer.close()
        end = self._turn * self.times
        self.manifest.end_mono_ns = self.manifest.t0_mono_ns + end * 1_000_000_000
        self.manifest.load_end = self.source.manifest.load_end
        self.manifest.save(self.directory)


def planned_stages(directory: Path) -> list[dict[str, Any]]:
    """The stages of a bundle as its manifest has them."""
    stages: list[dict[str, Any]] = json.loads((directory / "manifest.json").read_text())["stages"]
    return stages
