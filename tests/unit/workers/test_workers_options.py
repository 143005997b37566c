"""Options of `loadkit run` about workers, tokens and addresses."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import UsageError
from loadkit.load.plan import MasterPlan, Plan
from loadkit.load.workers import tokens
from loadkit.load.workers.address import split_address
from loadkit.model import Rate, Scenario, Stage, Users
from loadkit.run.plan import Plan as RunPlan
from loadkit.run.request import RunRequest
from loadkit.run.workers import master_plan

TOKEN = "sixteen characters at least"


def plan(scenario: Scenario | None = None, stack: str = "none") -> RunPlan:
    return RunPlan(
        name="x", file=Path("x.py"), scenario=scenario, stack=stack, host="http://127.0.0.1:1",
        users=None, spawn_rate=None, duration=None, slos=(), expect=(), forbid=(), faults=(),
    )  # fmt: skip


def asked(**options: Any) -> dict[str, Any] | None:
    return master_plan(RunRequest(Path("x.py"), **options), plan())


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tokens.VARIABLE, raising=False)


def test_without_options_there_is_one_process() -> None:
    assert asked() is None


def test_local_workers_need_no_token_and_no_address() -> None:
    assert asked(workers=3) == {"workers": 3, "local": True, "timeout": 60.0}


def test_the_token_leaves_the_environment_whoever_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for options in ({}, {"workers": 2}, {"expect_workers": 2}):
        monkeypatch.setenv(tokens.VARIABLE, TOKEN)
        asked(**options)
        assert tokens.VARIABLE not in os.environ


def test_workers_elsewhere_come_to_loopback_unless_said_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(tokens.VARIABLE, TOKEN)
    assert asked(expect_workers=2, worker_timeout=5.0) == {
        "workers": 2, "local": False, "host": "127.0.0.1", "port": 5580, "token": TOKEN,
        "timeout": 5.0,
    }  # fmt: skip
    monkeypatch.setenv(tokens.VARIABLE, TOKEN)
    elsewhere = asked(expect_workers=2, bind="10.1.2.3:7000")
    assert elsewhere is not None
    assert (elsewhere["host"], elsewhere["port"]) == ("10.1.2.3", 7000)


def test_a_token_file_wins_over_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(tokens.VARIABLE, TOKEN)
    file = tmp_path / "token"
    file.write_text(f"  {TOKEN} of the file \nsecond line\n")
    found = asked(expect_workers=1, token_file=file)
    assert found is not None
    assert found["token"] == f"{TOKEN} of the file"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"workers": 2, "expect_workers": 2}, "do not go together"),
        ({"bind": "0.0.0.0"}, "--bind is for workers on other machines"),
        ({"workers": 2, "bind": "0.0.0.0"}, "--bind is for workers on other machines"),
        ({"token_file": Path("t")}, "--token-file is for workers"),
        ({"worker_timeout": 5.0}, "--worker-timeout needs"),
        ({"expect_workers": 2}, "needs a token"),
        ({"expect_workers": 2, "bind": "0.0.0.0"}, "needs a token"),
        ({"expect_workers": 2, "token_file": Path("/nowhere")}, "No such file"),
        ({"expect_workers": 2, "bind": "host:port"}, "not HOST or HOST:PORT"),
        ({"workers": 4, "users": 3}, "--users 3 are fewer than 4 workers"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        asked(**options)


def test_a_short_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tokens.VARIABLE, "secret")
    with pytest.raises(UsageError, match="has 6 characters, at least 16") as error:
        asked(expect_workers=1)
    assert "secret" not in str(error.value).replace("secrets", "")


def test_no_worker_is_left_without_users() -> None:
    request = RunRequest(Path("x.py"), workers=4)
    few = Scenario(stages=[Stage("a", Rate(10, max_users=3), 5)])
    with pytest.raises(UsageError, match=r"'a' has at most 3 users .*, fewer than 4 workers"):
        master_plan(request, plan(few))
    with pytest.raises(UsageError, match="at most 2 users, fewer than 4 workers"):
        master_plan(request, plan(Scenario(stages=[Stage("a", Users(2), 5)])))
    enough = Scenario(stages=[Stage("a", Rate(10, max_users=4), 5), Stage("b", Users(1), 5)])
    assert master_plan(request, plan(enough)) is not None


def test_the_embedded_stack_is_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(tokens.VARIABLE, TOKEN)
    request = RunRequest(Path("x.py"), expect_workers=2, bind="10.0.0.1")
    with pytest.raises(UsageError, match="does not go with the embedded stack"):
        master_plan(request, plan(stack="embedded"))
    monkeypatch.setenv(tokens.VARIABLE, TOKEN)
    assert master_plan(replace(request, bind="127.0.0.2"), plan(stack="embedded")) is not None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("master", ("master", 5580)),
        ("10.0.0.1:99", ("10.0.0.1", 99)),
        ("[::1]:99", ("::1", 99)),
        ("[::1]", ("::1", 5580)),
        ("::1", ("::1", 5580)),
        ("master:0", ("master", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert split_address(text, 5580) == address


@pytest.mark.parametrize("text", ["", ":99", "host:65536", "host:x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError):
        split_address(text, 5580)


def test_a_worker_gets_the_plan_but_not_the_token() -> None:
    scenario = Scenario(stages=[Stage("a", Rate(10), 5)])
    master = MasterPlan(workers=3, local=False, host="10.0.0.1", token=TOKEN)
    whole = Plan("x.py", scenario, host="http://h", locust_args=("--tags", "a"), master=master)
    sent = whole.for_worker(2)
    assert TOKEN not in str(sent)
    assert TOKEN not in repr(whole)
    got = Plan.from_json(sent)
    assert (got.worker, got.workers, got.master) == (2, 3, None)
    assert (got.scenario, got.host, got.locust_args) == (scenario, "http://h", ("--tags", "a"))
