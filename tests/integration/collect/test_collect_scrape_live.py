"""Expositions read from real sockets: what they become, and what is said when they fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from collect_servers import Tables, prometheus, until

from loadkit.collect.access import Access
from loadkit.collect.prometheus import PrometheusCollector
from loadkit.collect.scrape import ExpositionCollector, fetch_exposition
from loadkit.errors import CollectError, UsageError

pytestmark = pytest.mark.integration

Handler = Callable[[bytes], Awaitable[bytes]]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n"


def whole(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Server:
    """Answers each request with what ``answer`` returns for its head, then closes."""

    def __init__(self, answer: Handler) -> None:
        self._answer = answer
        self.heads: list[bytes] = []

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/metrics"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            writer.write(await self._answer(head))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def collector(server: Server, tables: Tables, **more: object) -> ExpositionCollector:
    values = {"sink": tables, "note": tables.note, "interval_s": 0.1, **more}
    return ExpositionCollector(server.url, **values)  # type: ignore[arg-type]


def test_an_exposition_becomes_series_samples_and_descriptions() -> None:
    tables = Tables()
    asked = 0

    async def answer(head: bytes) -> bytes:
        nonlocal asked
        asked += 1
        return whole(
            b"# HELP shop_orders_total Orders.\n# TYPE shop_orders_total counter\n"
            b'shop_orders_total{job="mine",result="ok"} %d\n' % asked
        )

    async def scenario() -> Server:
        async with Server(answer) as server:
            access = Access("metrics", {"Authorization": "Bearer sesame"})
            one = collector(server, tables, access=access)
            await one.start()
            await until(lambda: len(tables.values("shop_orders_total")) >= 4)
            await one.stop()
            await one.stop()
            return server

    server = asyncio.run(scenario())
    values = tables.values("shop_orders_total")
    assert values == [float(n + 1) for n in range(len(values))]
    (row,) = [row for row in tables.of("series") if row["name"] == "shop_orders_total"]
    instance = f"127.0.0.1:{server.port}"
    assert (row["job"], row["instance"]) == (instance, instance)
    assert json.loads(row["labels"]) == {
        "exported_job": "mine", "instance": instance, "job": instance, "result": "ok",
    }  # fmt: skip
    assert tables.of("metric_info") == [
        {"name": "shop_orders_total", "type": "counter", "help": "Orders.", "unit": None}
    ]
    assert set(tables.values("up")) == {1.0}
    assert set(tables.values("scrape_samples_scraped")) == {1.0}
    assert all(b"authorization: bearer sesame" in head.lower() for head in server.heads)
    assert set(tables.slugs()) <= {"metrics-slow"}  # a busy machine


def test_two_expositions_do_not_share_a_series() -> None:
    tables = Tables()

    async def answer(head: bytes) -> bytes:
        return whole(b"a_total 1\n")

    async def scenario() -> None:
        async with Server(answer) as one, Server(answer) as two:
            both = [collector(one, tables), collector(two, tables, number=1)]
            for each in both:
                await each.start()
            for each in both:
                await each.stop()

    asyncio.run(scenario())
    numbers = [row["series"] for row in tables.of("series")]
    assert len(numbers) == len(set(numbers)) == 8


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (whole(b"<html><title>Grafana</title></html>"), "web page “Grafana” instead of metrics"),
        (whole(b"a_total 1\nb_total 2"), "cut short"),
        (HEAD + b"Content-Length: 500\r\n\r\na_total 1\n", "does not answer"),
        (HEAD + b"\r\n" + b"".join(b"a{n=\"%d\"} 1\n" % n for n in range(100_000)),
         "has 100,000 samples, more than 20,000"),
        (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "401: not allowed"),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", "redirects to"),
        (b"", "does not answer"),
    ],
    ids=["page", "cut", "cut by length", "100,000 lines", "not allowed", "redirect", "nothing"],
)  # fmt: skip
def test_what_is_no_exposition_does_not_start(reply: bytes, said: str) -> None:
    tables = Tables()

    async def answer(head: bytes) -> bytes:
        return reply

    async def scenario() -> None:
        async with Server(answer) as server:
            one = collector(server, tables)
            with pytest.raises(CollectError) as caught:
                await one.start()
            assert said in str(caught.value)
            await one.stop()

    asyncio.run(scenario())
    assert tables.values("up") == [0.0]


def test_one_that_fails_meanwhile_is_told_once_and_comes_back() -> None:
    tables = Tables()
    broken = False

    async def answer(head: bytes) -> bytes:
        return whole(b"<html>maintenance</html>") if broken else whole(b"a_total 1\n")

    async def scenario() -> None:
        nonlocal broken
        async with Server(answer) as server:
            one = collector(server, tables)
            await one.start()
            await until(lambda: len(tables.values("a_total")) >= 2)
            broken = True
            await until(lambda: "metrics-lost" in tables.slugs())
            broken = False
            await until(lambda: "source-recovered" in tables.slugs())
            await one.stop()

    asyncio.run(scenario())
    told = [slug for slug in tables.slugs() if slug != "metrics-slow"]  # on a busy machine
    assert told == ["metrics-lost", "source-recovered"]
    assert {0.0, 1.0} == set(tables.values("up"))


def test_one_that_is_too_slow_is_said() -> None:
    tables = Tables()

    async def answer(head: bytes) -> bytes:
        await asyncio.sleep(0.15)
        return whole(b"a_total 1\n")

    async def scenario() -> None:
        async with Server(answer) as server:
            one = collector(server, tables, interval_s=0.05)
            await one.start()
            await until(lambda: len(tables.values("a_total")) >= 3)
            await one.stop()

    asyncio.run(scenario())
    (finding,) = tables.findings
    assert finding.slug == "metrics-slow"
    assert "took longer than the 0.05 s between two" in finding.summary


def test_a_url_that_is_none_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="--metrics"):
        asyncio.run(fetch_exposition("not a url"))


def test_a_prometheus_and_its_exposition_are_read_alike(tmp_path: Path) -> None:
    """The same names and types, whether a Prometheus scraped it or loadkit read it itself."""
    scraped, read = Tables(), Tables()

    async def scenario() -> None:
        async with prometheus(tmp_path) as server:
            through = PrometheusCollector(
                server.url, sink=scraped, note=scraped.note, step_s=0.5, target=server.url
            )
            itself = ExpositionCollector(
                f"{server.url}/metrics", sink=read, note=read.note, interval_s=0.5, job="prometheus"
            )
            await itself.start()
            await through.start()
            await until(lambda: bool(scraped.of("metric_info")), 60)
            await until(lambda: len(read.values("up")) > 2, 60)
            await through.stop()
            await itself.stop()

    asyncio.run(scenario())

    def names(tables: Tables) -> set[str]:
        own = {row["name"] for row in tables.of("series") if row["job"] == "prometheus"}
        return {name for name in own if name.startswith(("go_", "process_", "prometheus_http"))}

    def types(tables: Tables) -> set[tuple[str, str]]:
        rows = tables.of("metric_info")
        return {(r["name"], r["type"]) for r in rows if r["name"].startswith("prometheus_http")}

    assert "prometheus_http_requests_total" in names(scraped)
    assert names(scraped) == names(read)
    assert ("prometheus_http_requests_total", "counter") in types(scraped)
    assert types(scraped) == types(read)
