"""Bundles of older versions are read: what they lack is null."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from loadkit.bundle.reader import load_run
from loadkit.bundle.schema import BY_NAME
from loadkit.bundle.stream import read_stream

EXAMPLE = Path(__file__).parents[3] / "reports" / "example"
NEW = ["worker", "run_delay_ns", "max_files"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_stream_of_version_1(tmp_path: Path, whole: bool) -> None:
    schema = pa.schema([f for f in BY_NAME["generator"].schema if f.name not in NEW])
    path = tmp_path / "generator.arrows"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for n in range(3):
            row = dict.fromkeys(schema.names) | {"mono_ns": n, "users": n * 10}
            writer.write_batch(pa.RecordBatch.from_pylist([row], schema=schema))
    if not whole:
        path.write_bytes(path.read_bytes()[:-60])
    table, complete = read_stream(path)
    assert complete is whole
    assert table.schema == BY_NAME["generator"].schema
    count = 3 if whole else 2
    assert table["users"].to_pylist() == [0, 10, 20][:count]
    assert all(table[name].null_count == count for name in NEW)


def test_an_empty_stream_has_the_columns_of_today(tmp_path: Path) -> None:
    path = tmp_path / "generator.arrows"
    path.write_bytes(b"")
    table, complete = read_stream(path)
    assert (len(table), complete) == (0, False)
    assert table.schema == BY_NAME["generator"].schema


def test_the_example_has_every_column_whatever_its_version() -> None:
    run = load_run(EXAMPLE)
    assert len(run.generator) > 10
    assert run.generator["cpu_ratio"].notna().all()
    assert set(NEW) <= set(run.generator.columns)
