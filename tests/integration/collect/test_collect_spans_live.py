"""The span receiver as a process, fed by the real SDK and by hand."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from collect_servers import RUN_ID, Tables, until
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from loadkit.bundle.stream import read_stream
from loadkit.collect.spans import SpanReceiver

pytestmark = pytest.mark.integration


def _table(directory: Path, name: str) -> list[dict[str, Any]]:
    table, whole = read_stream(directory / "tables" / f"{name}.arrows")
    assert whole
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _send_traces(endpoint: str, count: int) -> None:
    exporter = OTLPSpanExporter(endpoint=endpoint, compression=Compression.Gzip)
    provider = TracerProvider(resource=Resource.create({"service.name": "tests"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    start = time.time_ns() // 10**9 * 10**9
    for number in range(1, count + 1):
        parent = TraceContextTextMapPropagator().extract(
            {"traceparent": f"00-{number:032x}-b7ad6b7169203331-01"}
        )
        root = tracer.start_span(
            "POST /api/v1/costs", parent, kind=SpanKind.SERVER, start_time=start
        )
        child = tracer.start_span("store_cost", set_span_in_context(root), start_time=start)
        child.set_attribute("db.system", "sqlite")
        child.end(start + 1_000_000)
        if number == 3:
            root.set_status(StatusCode.ERROR)
        root.end(start + number * 1_000_000)
    provider.shutdown()


def test_real_spans_are_received_and_chosen_from(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario() -> None:
        receiver = SpanReceiver(directory=tmp_path, run_id=RUN_ID, note=tables.note)
        await receiver.start()
        assert receiver.pid is not None
        process = psutil.Process(receiver.pid)
        assert process.environ()["LOADKIT_RUN_ID"] == RUN_ID
        assert os.getsid(receiver.pid) == receiver.pid
        await asyncio.to_thread(_send_traces, receiver.endpoint, 50)
        await receiver.stop()
        await receiver.stop()
        assert not process.is_running()

    asyncio.run(scenario())
    rows = _table(tmp_path, "spans")
    roots = {int(row["trace_id"], 16): row for row in rows if row["kind"] == "server"}
    assert {46, 47, 48, 49, 50} <= set(roots)
    assert roots[3]["status"] == "error"
    assert Counter(row["kept"] for row in roots.values())["sample"] == 2
    for number, root in roots.items():
        assert root["duration_ns"] == number * 1_000_000
        assert (root["service"], root["parent_id"]) == ("tests", "b7ad6b7169203331")
    children = [row for row in rows if row["name"] == "store_cost"]
    assert {row["parent_id"] for row in children} == {row["span_id"] for row in roots.values()}
    assert len(children) == len(roots)
    counts = _table(tmp_path, "span_counts")
    assert sum(row["spans"] for row in counts) == 100
    assert sum(row["traces"] for row in counts) == 50
    assert sum(row["kept_traces"] for row in counts) == len(roots)
    assert tables.findings == []


def test_json_gzip_and_what_is_refused(tmp_path: Path) -> None:
    tables = Tables()
    span = {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "name": "GET /",
        "startTimeUnixNano": "1795564801000000000",
        "endTimeUnixNano": "1795564801500000000",
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    kind = {"Content-Type": "application/json"}
    proto = {"Content-Type": "application/x-protobuf"}

    async def scenario() -> list[int]:
        receiver = SpanReceiver(directory=tmp_path, run_id=RUN_ID, note=tables.note)
        await receiver.start()
        url = receiver.endpoint
        async with httpx.AsyncClient(trust_env=False) as client:
            answers = [
                await client.post(
                    url, content=gzip.compress(body), headers={**kind, "Content-Encoding": "gzip"}
                ),
                await client.post(url, content=body[:-1], headers=kind),
                await client.post(url, content=b"\xff\xff", headers=proto),
                await client.post(url, content=b"x", headers={**proto, "Content-Encoding": "gzip"}),
                await client.post(url, content=b"x", headers={**proto, "Content-Encoding": "zstd"}),
                await client.post(url, content=body, headers={"Content-Type": "text/plain"}),
                await client.get(url),
                await client.post(url.replace("traces", "logs"), content=body, headers=kind),
                await client.post(url, content=b"", headers=proto),
            ]
        await receiver.stop()
        return [answer.status_code for answer in answers]

    assert asyncio.run(scenario()) == [200, 400, 400, 400, 415, 415, 405, 404, 200]
    (row,) = _table(tmp_path, "spans")
    assert (row["trace_id"], row["duration_ns"]) == (span["traceId"], 500_000_000)
    assert tables.findings == []


def test_receiver_that_is_killed_is_a_finding(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario() -> None:
        receiver = SpanReceiver(directory=tmp_path, run_id=RUN_ID, note=tables.note)
        await receiver.start()
        assert receiver.pid is not None
        os.kill(receiver.pid, signal.SIGKILL)
        await until(lambda: bool(tables.findings))
        await receiver.stop()

    asyncio.run(scenario())
    assert tables.slugs() == ["spans-lost"]
    assert "status -9" in tables.findings[0].summary


def test_spans_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    tables = Tables()
    (tmp_path / "tables" / "spans.arrows").mkdir(parents=True)

    async def scenario() -> None:
        receiver = SpanReceiver(directory=tmp_path, run_id=RUN_ID, note=tables.note)
        await receiver.start()
        await asyncio.to_thread(_send_traces, receiver.endpoint, 1)
        await receiver.stop()

    asyncio.run(scenario())
    assert tables.slugs() == ["spans-lost"]
    assert tables.findings[0].evidence["last words"] == "2 rows could not be written"


@pytest.mark.parametrize("how", ["parent", "sigterm"])
def test_process_ends_in_order_by_itself(tmp_path: Path, how: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "loadkit.collect.otlp", "--directory", str(tmp_path),
         "--run-id", RUN_ID],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        _send_traces(f"http://127.0.0.1:{ready['port']}/v1/traces", 1)
        process.send_signal(signal.SIGINT)  # a terminal's: not for us
        if how == "parent":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(OSError):
            process.stdin.close()
    assert len(_table(tmp_path, "spans")) == 2


def test_taken_port_is_told(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "loadkit.collect.otlp", "--directory", str(tmp_path),
             "--run-id", RUN_ID, "--port", str(taken.getsockname()[1])],
            capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    assert done.returncode == 1
    assert "cannot listen" in done.stderr
    assert "Traceback" not in done.stderr
