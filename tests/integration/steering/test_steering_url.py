"""A load without a scenario: ``--url``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from steering_tools import Service, bundle_of, loadkit, report_json, service, written

from loadkit import load_run

pytestmark = pytest.mark.integration

SECRET = "planted-Value_4711"


@pytest.fixture(scope="module")
def shop() -> Iterator[Service]:
    with service() as found:
        yield found


def test_a_rate_for_a_url_is_a_run_like_any_other(shop: Service, tmp_path: Path) -> None:
    shop.seen.clear()
    done = loadkit(
        *("run", "--url", f"{shop.url}/items?token={SECRET}&page=2", "--rate", "20"),
        *("--duration", "3", "--warm-up", "1s", "--slo", "errors < 1 %"),
        cwd=tmp_path,
    )
    bundle = bundle_of(done, tmp_path)
    assert bundle.name.endswith("-get-items")
    run = load_run(bundle)
    assert run.manifest.file == f"GET {shop.url}/items"
    assert run.manifest.target == shop.url
    assert [stage["name"] for stage in run.manifest.stages] == ["warm-up", "run"]
    flow = run.flow.groupby(["stage", "event"])["count"].sum()
    assert flow["warm-up", "planned"] == 20
    assert flow["run", "planned"] == flow["run", "sent"] == flow["run", "ok"] == 60
    assert set(run.seconds.operation) - {"", "send"} == {"GET /items"}
    # The service got the query as it was given; nothing that was written has its values.
    assert set(shop.paths()) == {f"/items?token={SECRET}&page=2"}
    assert SECRET not in done.stdout + done.stderr
    assert [n for n, data in written(bundle).items() if SECRET.encode() in data] == []
    (slo,) = report_json(bundle)["slos"]
    assert (slo["slo"], slo["stage"], slo["value"]) == ("errors < 1 %", "run", 0)


def test_method_body_and_headers_arrive_and_secrets_stay_out(shop: Service, tmp_path: Path) -> None:
    shop.seen.clear()
    (tmp_path / "order.json").write_text('{"item": 7}')
    (tmp_path / "key.txt").write_text(f"{SECRET}-file\n")
    done = loadkit(
        *("run", f"{shop.url}/orders", "--users", "2", "--duration", "1s", "--method", "put"),
        *("--json", "@order.json", "--header", "Accept: text/plain", "--workers", "2"),
        *("--header", "Authorization: Bearer env:SHOP_TOKEN", "--header", "X-Key: file:key.txt"),
        cwd=tmp_path,
        SHOP_TOKEN=SECRET,
    )
    bundle = bundle_of(done, tmp_path)
    first = shop.seen[0]
    assert (first.method, first.path, json.loads(first.body)) == ("PUT", "/orders", {"item": 7})
    assert first.headers["Content-Type"] == "application/json"
    assert first.headers["Accept"] == "text/plain"
    assert first.headers["Authorization"] == f"Bearer {SECRET}"
    assert first.headers["X-Key"] == f"{SECRET}-file"
    assert SECRET not in done.stdout + done.stderr
    assert [n for n, data in written(bundle).items() if SECRET.encode() in data] == []
    manifest = load_run(bundle).manifest
    kept = manifest.argv
    assert kept[kept.index("--header") + 1] == "Accept: [removed]"
    assert {"Authorization: [removed]", "X-Key: file:key.txt", "@order.json"} < set(kept)
    assert len(manifest.workers) == 2


def test_plan_sends_the_request_once_and_gives_json_beside_a_body_of_it(
    shop: Service, tmp_path: Path
) -> None:
    shop.seen.clear()
    done = loadkit(
        *("plan", "--url", f"{shop.url}/x", "--rate", "5", "--json", "[1]", "--json"),
        *("--header", "Cookie: env:SHOP_COOKIE"),
        cwd=tmp_path,
        SHOP_COOKIE=f"sid={SECRET}",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "post-x"
    (only,) = shop.seen
    assert (only.method, only.body) == ("POST", b"[1]")
    assert only.headers["Cookie"] == f"sid={SECRET}"
    assert SECRET not in done.stdout + done.stderr
