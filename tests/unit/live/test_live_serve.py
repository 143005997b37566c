"""The report of a bundle that grows, over HTTP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from live_growing import Growing

from loadkit import load_run
from loadkit.analyse import analyse
from loadkit.bundle.writer import compact
from loadkit.collect.httpd import HttpServer
from loadkit.errors import LoadkitError
from loadkit.live import serve
from loadkit.live.bundle import Newsroom
from loadkit.live.page import live_page
from loadkit.live.serve import Live
from loadkit.report.html import render

Asking = Callable[..., Coroutine[Any, Any, httpx.Response]]


@asynccontextmanager
async def served(directory: Path, pace_s: float = 0.0) -> AsyncIterator[tuple[Live, Asking]]:
    live = Live(Newsroom(directory), "127.0.0.1", pace_s)
    server = HttpServer(live.handle)
    await server.start()
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{server.port}", timeout=120, trust_env=False
        ) as client:
            yield live, client.get
    finally:
        await server.stop()


def _headline(text: str) -> str:
    found = re.search(r"<h1>(.*?)</h1>", text)
    assert found is not None
    return found[1].replace("\u00a0", " ").replace("\u202f", " ")


def test_a_run_is_followed_from_before_its_first_row_to_its_report(tmp_path: Path) -> None:
    async def follow() -> None:
        grown = Growing(tmp_path / "run")
        async with served(grown.directory) as (live, get):
            first = await get("/report")
            assert first.headers["x-loadkit-state"] == "running"
            assert _headline(first.text) == "Still running, before the load began"
            known = {"If-None-Match": first.headers["etag"]}
            assert (await get("/report", headers=known)).status_code == 304

            waiting = asyncio.create_task(get("/next", headers=known))
            grown.begin()
            grown.grow(25)
            second = await waiting
            assert second.status_code == 200
            third = await get("/report")
            assert _headline(third.text).startswith("Still running, 25 s into 2 min 40 s")

            final = asyncio.create_task(get("/final", headers=known))
            grown.finish()
            text = render(analyse(load_run(grown.directory)))
            (grown.directory / "report.html").write_text(text, encoding="utf-8")
            await live.finish()
            last = await final
            assert last.headers["x-loadkit-state"] == "final"
            assert last.content == (grown.directory / "report.html").read_bytes()
            assert (await get("/report")).content == last.content

    asyncio.run(follow())


def test_a_page_that_thinks_gets_the_final_report_and_one_that_is_closed_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_RECENT_S", 0.0)

    async def follow() -> None:
        grown = Growing(tmp_path / "run")
        grown.begin()
        async with served(grown.directory) as (live, get):
            await get("/")  # a page that is closed at once
            monkeypatch.setattr(serve, "_AWAY_S", 0.5)
            await asyncio.sleep(0.6)
            known = {"If-None-Match": (await get("/")).headers["etag"]}
            monkeypatch.setattr(serve, "_AWAY_S", 60.0)
            grown.finish()
            (grown.directory / "report.html").write_text("<h1>done</h1>")
            await live.finish()
            seen = asyncio.create_task(live.until_seen(60))
            await asyncio.sleep(1)
            assert not seen.done()
            assert (await get("/next", headers=known)).headers["x-loadkit-state"] == "final"
            monkeypatch.setattr(serve, "_AWAY_S", 0.5)
            await asyncio.wait_for(seen, 30)

    asyncio.run(follow())


def _content(directory: Path) -> dict[str, tuple[int, int]]:
    """Rows and requests of each table that is read."""
    run = load_run(directory)
    return {
        name: (len(frame), int(frame["count"].sum()) if "count" in frame else 0)
        for name in run.__slots__
        if isinstance(frame := getattr(run, name), pd.DataFrame)
    }


def test_no_table_is_missing_at_any_moment_while_a_bundle_is_closed(tmp_path: Path) -> None:
    grown = Growing(tmp_path / "run")
    grown.begin()
    grown.grow(12)
    grown.close_streams()
    expected = _content(grown.directory)
    assert expected["windows"][1] == expected["seconds"][1] > 1000
    tables = grown.directory / "tables"
    seen = []
    unlink = Path.unlink

    def look(path: Path, missing_ok: bool = False) -> None:
        seen.append(_content(grown.directory))  # Parquet and stream
        unlink(path, missing_ok)
        seen.append(_content(grown.directory))  # Parquet alone

    streams = len(list(tables.glob("*.arrows")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "unlink", look)
        compact(grown.directory)
    assert len(seen) >= 2 * streams > 20
    assert all(found == expected for found in seen)


def test_what_is_not_asked_for_in_earnest_is_refused(tmp_path: Path) -> None:
    async def ask() -> None:
        grown = Growing(tmp_path / "run")
        async with served(grown.directory) as (live, get):
            rebound = await get("/", headers={"Host": "evil.example"})
            assert (rebound.status_code, "Still" in rebound.text) == (421, False)
            assert (await get("/manifest.json")).status_code == 404
            assert (await get("/../manifest.json")).status_code == 404
            posted = await live.handle(_request("POST"))
            assert posted.status == 405 and ("Allow", "GET") in posted.headers

            page = await get("/")
            headers = page.headers
            assert "access-control-allow-origin" not in headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["cache-control"] == "no-store"
            assert "connect-src 'self'" in headers["content-security-policy"]
            assert "default-src 'none'" in headers["content-security-policy"]

    asyncio.run(ask())


def _request(method: str) -> Any:
    from loadkit.collect.httpd import Request

    return Request(method, "/", {"host": "127.0.0.1"}, b"")


def test_a_bundle_that_cannot_be_read_is_told_and_tried_again(tmp_path: Path) -> None:
    async def ask() -> None:
        grown = Growing(tmp_path / "run")
        manifest = grown.directory / "manifest.json"
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text("{", encoding="utf-8")
        async with served(grown.directory) as (_, get):
            broken = await get("/report")
            assert broken.status_code == 503 and "cannot be read" in broken.text
            manifest.write_text(text, encoding="utf-8")
            assert (await get("/report")).status_code == 200

    asyncio.run(ask())


def test_the_page_is_the_report_with_the_live_script(tmp_path: Path) -> None:
    grown = Growing(tmp_path / "run")
    report = Newsroom(grown.directory).latest()
    page = live_page(report.text, etag=report.etag, run_id=report.run_id, final=False)
    start = page.index("<style>\n.live-bar")
    end = page.index("</body>")
    rest = (page[:start] + page[end:]).replace(" connect-src 'self';", "", 1)
    assert rest == report.text
    assert page.count("<script>") == report.text.count("<script>") + 1


def test_a_page_of_another_shape_is_refused() -> None:
    with pytest.raises(LoadkitError, match="no place for the live script"):
        live_page("<html><body></body></html>", etag="", run_id="", final=False)


def test_nothing_is_made_twice_and_not_more_often_than_the_pace(tmp_path: Path) -> None:
    async def ask() -> None:
        grown = Growing(tmp_path / "run")
        async with served(grown.directory, pace_s=3600) as (_, get):
            first = await get("/report")
            grown.begin()
            grown.grow(5)
            assert (await get("/report")).headers["etag"] == first.headers["etag"]

    asyncio.run(ask())
    room = Newsroom(tmp_path / "run")
    assert room.latest() is room.latest()
