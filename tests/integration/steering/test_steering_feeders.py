"""Feeders in runs: split over workers, at their end, under plain Locust; and secrets."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from steering_tools import Service, bundle_of, loadkit, report_json, service, written

from loadkit import load_run

pytestmark = pytest.mark.integration

SECRET = "planted-Value_0815"
BUYERS = """
from locust import constant, task
import loadkit
from loadkit import HttpUser, Rate, Scenario, Stage, Users

users = loadkit.Feeder("data/users.csv", columns=("name",), {how})
scenario = Scenario([Stage("all", load={load}, duration={duration})], seed=11)

class Buyer(HttpUser):
    host = "{url}"

    @task
    def buy(self):
        self.client.get("/user/" + users.next()["name"], name="/user")
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[Service]:
    with service() as found:
        yield found


def data(folder: Path, rows: int) -> set[str]:
    """A file of users in a folder beside the scenario; the paths they will be asked for by."""
    (folder / "data").mkdir()
    names = [f"u{n}" for n in range(rows)]
    (folder / "data" / "users.csv").write_text("name\n" + "".join(f"{n}\n" for n in names))
    return {f"/user/{name}" for name in names}


def test_three_workers_give_each_row_once(shop: Service, tmp_path: Path) -> None:
    shop.seen.clear()
    expected = data(tmp_path, 100)
    (tmp_path / "buyers.py").write_text(
        BUYERS.format(how="once=True, shuffle=True", load="Rate(60)", duration=4, url=shop.url)
    )
    done = loadkit("run", "buyers.py", "--workers", "3", cwd=tmp_path)
    bundle = bundle_of(done, tmp_path)
    counts = Counter(shop.paths())
    assert set(counts) == expected
    assert set(counts.values()) == {1}
    run = load_run(bundle)
    flow = run.flow.groupby("event")["count"].sum()
    assert flow["planned"] == flow["started"] == 240
    assert flow["sent"] == 100
    assert flow["unfed"] == 140
    (said,) = [f for f in report_json(bundle)["findings"] if f["slug"] == "feeder-exhausted"]
    assert "data/users.csv" in said["summary"]
    assert "rate-not-reached" in {f["slug"] for f in report_json(bundle)["findings"]}


def test_users_of_a_closed_load_stop_when_nothing_is_left(shop: Service, tmp_path: Path) -> None:
    shop.seen.clear()
    expected = data(tmp_path, 20)
    (tmp_path / "buyers.py").write_text(
        BUYERS.format(how="once=True", load="Users(4)", duration=2, url=shop.url)
    )
    done = loadkit("run", "buyers.py", cwd=tmp_path)
    run = load_run(bundle_of(done, tmp_path))
    assert Counter(shop.paths()) == Counter(expected)
    assert run.manifest.load_end is not None
    assert run.manifest.load_end["reason"] == "finished"
    assert run.generator.users.iloc[-1] == 0


def test_plain_locust_feeds_from_the_same_file(shop: Service, tmp_path: Path) -> None:
    shop.seen.clear()
    expected = data(tmp_path, 10)
    (tmp_path / "buyers.py").write_text(
        BUYERS.format(how="once=True", load="Users(2)", duration=3, url=shop.url)
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = ["-m", "locust", "-f", "../buyers.py", "--headless", "-u", "2", "-r", "2"]
    with (tmp_path / "locust.txt").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=elsewhere, stdout=said, stderr=said
        )
    try:
        deadline = time.monotonic() + 60
        while process.poll() is None and "has given out the last" not in (
            told := (tmp_path / "locust.txt").read_text()
        ):
            assert time.monotonic() < deadline, told
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait(30)
    assert Counter(shop.paths()) == Counter(expected)


def test_a_secret_is_nowhere_in_what_a_run_leaves(shop: Service, tmp_path: Path) -> None:
    shop.seen.clear()
    (tmp_path / "pin.txt").write_text(f"{SECRET}-pin")
    (tmp_path / "shop.py").write_text(f"""
import sys
from locust import task
import loadkit
from loadkit import HttpUser, Rate, Scenario, Stage

TOKEN = loadkit.secret("SHOP_TOKEN")
scenario = Scenario([Stage("all", load=Rate(5), duration=2)])
print("at import", TOKEN)

class Buyer(HttpUser):
    host = "{shop.url}"

    def on_start(self):
        self.pin = loadkit.secret("file:pin.txt")

    @task
    def buy(self):
        print("printed", TOKEN, self.pin)
        print("logged " + self.pin, file=sys.stderr)
        self.client.get("/fail/" + TOKEN, headers={{"X-Pin": self.pin}})
        with self.client.get("/ok", catch_response=True) as answer:
            answer.failure("not with " + self.pin)
        raise ValueError(TOKEN)
""")
    done = loadkit("run", "shop.py", "--workers", "2", cwd=tmp_path, SHOP_TOKEN=SECRET)
    bundle = bundle_of(done, tmp_path)
    assert any(one.path == f"/fail/{SECRET}" for one in shop.seen)
    assert any(one.headers.get("X-Pin") == f"{SECRET}-pin" for one in shop.seen)
    assert "at import [removed]" in done.stderr
    assert "printed [removed] [removed]" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert [n for n, data in written(bundle).items() if SECRET.encode() in data] == []
    run = load_run(bundle)
    assert set(run.errors.message) >= {"not with [removed]"}
    assert "GET /fail/[removed]" in set(run.errors.operation)
    shown = loadkit("plan", "shop.py", cwd=tmp_path, SHOP_TOKEN=SECRET)
    assert "GET" in shown.stdout
    assert SECRET not in shown.stdout + shown.stderr
