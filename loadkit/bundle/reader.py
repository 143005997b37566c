"""Reads a bundle, running, whole or cut, into pandas frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from loadkit.bundle.clock import ClockMap
from loadkit.bundle.fold import fold
from loadkit.bundle.histogram import COARSE, FINE, Histogram
from loadkit.bundle.manifest import Manifest, load_manifest
from loadkit.bundle.schema import BY_NAME
from loadkit.bundle.stream import SUFFIX, read_stream
from loadkit.bundle.writer import TABLES_FOLDER
from loadkit.errors import BundleError

ENDED = ("ok", "failed", "raised")


@dataclass(slots=True)
class RunData:
    """A bundle in memory: the manifest and one frame a table, as loadkit.bundle.schema lists them.

    Every table is there; one that was not recorded is empty. Where a table has ``mono_ns`` or
    ``wall_ns`` the column ``t_s`` (seconds since the start of the load) is added; ``faults`` has
    ``end_s`` too. ``cut`` names tables whose last batch was lost.
    """

    manifest: Manifest
    cut: tuple[str, ...]
    seconds: pd.DataFrame
    windows: pd.DataFrame
    flow: pd.DataFrame
    errors: pd.DataFrame
    exemplars: pd.DataFrame
    samples: pd.DataFrame
    generator: pd.DataFrame
    series: pd.DataFrame
    metrics: pd.DataFrame
    metric_info: pd.DataFrame
    alert_states: pd.DataFrame
    notifications: pd.DataFrame
    spans: pd.DataFrame
    span_counts: pd.DataFrame
    logs: pd.DataFrame
    profiles: pd.DataFrame
    profile_runs: pd.DataFrame
    profile_slices: pd.DataFrame
    profile_threads: pd.DataFrame
    memory_runs: pd.DataFrame
    memory_stacks: pd.DataFrame
    memory_growth: pd.DataFrame
    host: pd.DataFrame
    processes: pd.DataFrame
    faults: pd.DataFrame
    clock: pd.DataFrame
    findings: pd.DataFrame

    def histogram(
        self,
        measure: str = "response",
        *,
        stage: str | None = None,
        operation: str | None = None,
        outcomes: Iterable[str] = ENDED,
    ) -> Histogram:
        """All values of a measure in one fine histogram, narrowed as asked."""
        frame = self.windows
        keep = (frame["measure"] == measure) & frame["outcome"].isin(list(outcomes))
        if stage is not None:
            keep &= frame["stage"] == stage
        if operation is not None:
            keep &= frame["operation"] == operation
        return merged(frame[keep], FINE)


def merged(frame: pd.DataFrame, bits: int = FINE) -> Histogram:
    """One histogram of the rows of ``windows`` (FINE) or ``seconds`` (COARSE)."""
    if bits not in (FINE, COARSE):
        raise ValueError(f"no table has buckets of {bits} bits")
    total = Histogram(bits)
    columns = (frame[name] for name in ("count", "sum_ns", "min_ns", "max_ns"))
    pairs = zip(*columns, frame["buckets"], frame["counts"], strict=True)
    for count, sum_ns, low, high, buckets, counts in pairs:
        total.merge_row(
            int(count),
            int(sum_ns),
            int(low),
            int(high),
            zip(buckets.tolist(), counts.tolist(), strict=True),
        )
    return total


def load_run(path: str | Path) -> RunData:
    """Reads the bundle in a folder.

    Raises:
        BundleError: it is none, a newer one, or broken beyond its last batch.
    """
    directory = Path(path)
    manifest = load_manifest(directory)
    tables, cut = _read_tables(directory)
    t0, clock = _time_base(manifest, tables)
    frames = {name: _frame(table, t0, clock) for name, table in tables.items()}
    faults = frames["faults"]
    ends = faults["end_mono_ns"].astype("float64")
    faults["end_s"] = (ends - t0) / 1e9 if t0 is not None else ends * np.nan
    wanted = {item.name for item in fields(RunData)}
    return RunData(
        manifest,
        tuple(sorted({*cut, *manifest.cut_tables})),
        **{name: frame for name, frame in frames.items() if name in wanted},
    )


def _read_tables(directory: Path) -> tuple[dict[str, pa.Table], list[str]]:
    folder = directory / TABLES_FOLDER
    tables: dict[str, pa.Table] = {}
    cut: list[str] = []
    for name, found, whole in _found(folder):
        if not whole:
            cut.append(name)
        if name == "intervals":
            tables["seconds"], tables["windows"] = fold(found)
        else:
            tables[name] = found
    for name, table in BY_NAME.items():
        tables.setdefault(name, table.schema.empty_table())
    return tables, cut


def _found(folder: Path) -> Iterator[tuple[str, pa.Table, bool]]:
    """Each table that is there: its stream, else its Parquet file.

    In this order, because a bundle may be closed meanwhile: a stream goes when what replaces it is
    whole, so a reader who finds no stream any more finds that. A stream beside Parquet files was
    left by a crash between the two steps, and they may not all be there.
    """
    folded: tuple[str, ...] = ()
    for name in BY_NAME:
        if name in folded:
            continue
        try:
            table, whole = read_stream(folder / (name + SUFFIX))
        except FileNotFoundError:
            table, whole = _parquet(folder / f"{name}.parquet", name), True
        else:
            folded = ("seconds", "windows") if name == "intervals" else folded
        if table is not None:
            yield name, table, whole


def _parquet(path: Path, name: str) -> pa.Table | None:
    try:
        return pq.read_table(path, schema=BY_NAME[name].schema)
    except FileNotFoundError:
        return None
    except (pa.ArrowInvalid, OSError) as error:
        raise BundleError(f"cannot be read: {error}", where=str(path)) from None


def _time_base(manifest: Manifest, tables: dict[str, pa.Table]) -> tuple[int | None, ClockMap]:
    clock = tables["clock"]
    pairs = list(zip(clock["mono_ns"].to_pylist(), clock["wall_ns"].to_pylist(), strict=True))
    if manifest.t0_mono_ns is not None and manifest.t0_wall_ns is not None:
        pairs.append((manifest.t0_mono_ns, manifest.t0_wall_ns))
    return manifest.t0_mono_ns, ClockMap(pairs or [(0, 0)])


def _frame(table: pa.Table, t0: int | None, clock: ClockMap) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    if "mono_ns" in frame or "wall_ns" in frame:
        frame["t_s"] = _placed(frame, t0, clock)
    return frame


def _placed(frame: pd.DataFrame, t0: int | None, clock: ClockMap) -> npt.NDArray[np.float64]:
    """Seconds since the start: by the source's own stamp, else by when loadkit saw it."""
    seconds = np.full(len(frame), np.nan)
    if t0 is None:
        return seconds
    for column in ("mono_ns", "wall_ns"):
        if column not in frame:
            continue
        known = frame[column].notna().to_numpy()
        stamps = frame[column][known].to_numpy().astype(np.int64)
        mono = stamps if column == "mono_ns" else clock.to_mono(stamps)
        seconds[known] = (mono - t0) / 1e9
    return seconds
