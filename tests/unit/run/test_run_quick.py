"""A scenario written from options, and options that cannot be meant."""

from __future__ import annotations

import argparse
import ast
from pathlib import Path
from typing import Any

import pytest

from loadkit.cli import make_parser
from loadkit.cli.quick import Url, chosen, without_values
from loadkit.errors import TargetError, UsageError
from loadkit.run.quick import Quick, write
from loadkit.run.request import RunRequest

ROOT = "http://127.0.0.1:8000"


def parsed(*words: str) -> argparse.Namespace:
    return make_parser().parse_args(["run", *words])


def constants(text: str) -> dict[str, Any]:
    """Plain values at module level."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and not isinstance(node.value, ast.Call)
    }


def test_what_is_written_is_a_scenario_of_the_users(tmp_path: Path) -> None:
    quick = Quick(
        f"{ROOT}/orders/new?x=1#part",
        rate=50.0,
        duration=60.0,
        warm_up=5.0,
        data="a=1",
        headers=("Accept: text/html", "Content-Type: text/plain"),
    )
    written = write(quick, tmp_path)
    text = written.file.read_text()
    assert (written.host, written.shown) == (ROOT, f"POST {ROOT}/orders/new")
    assert written.file.stat().st_mode & 0o077 == 0
    assert constants(text) == {
        "HEADERS": {"Accept": "text/html", "Content-Type": "text/plain"},
        "BODY": b"a=1",
    }
    assert "Stage('warm-up', load=Rate(50.0), duration=5.0)" in text
    assert "Stage('run', load=Rate(50.0), duration=60.0)" in text
    assert "name='post-orders-new'" in text
    assert "'/orders/new?x=1', name='/orders/new'" in text


def test_values_are_values_and_no_code(tmp_path: Path) -> None:
    quick = Quick(
        f"{ROOT}/a'b\"\\c?x={{y}}",
        users=3,
        json='{"text": "\\"\\"\\" \' {HEADERS}"}',
        headers=("X-Note: '''{name}\"",),
    )
    text = write(quick, tmp_path).file.read_text()
    values = constants(text)
    assert values["BODY"] == b'{"text": "\\"\\"\\" \' {HEADERS}"}'
    assert values["HEADERS"] == {"X-Note": "'''{name}\"", "Content-Type": "application/json"}
    assert "load=Users(3), duration=30.0" in text


def test_secrets_are_named_and_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_TEST", "planted-value")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key.txt").write_text("planted-key")
    headers = ("Authorization: Bearer env:TOKEN_OF_TEST", "X-Key: file:key.txt")
    text = write(Quick(ROOT, users=1, headers=headers), tmp_path).file.read_text()
    assert "planted" not in text
    assert "'Bearer ' + loadkit.secret('env:TOKEN_OF_TEST')" in text
    assert f"loadkit.secret('file:{tmp_path / 'key.txt'}')" in text


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (ROOT, "get-127.0.0.1-8000"),
        (f"{ROOT}/", "get-127.0.0.1-8000"),
        (f"{ROOT}/api/v1/items/", "get-api-v1-items"),
        (f"{ROOT}/" + "long-" * 30, "get-" + ("long-" * 30)[:39]),
        ("127.0.0.1:8000/ä b".replace(" ", "%20"), "get-ä-20b"),
    ],
)
def test_the_name_of_a_run(tmp_path: Path, url: str, name: str) -> None:
    assert f"name={name!r}" in write(Quick(url, rate=1.0), tmp_path).file.read_text()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "nothing says how much load"),
        ({"rate": 1.0, "users": 1}, "--rate and --users do not go together"),
        ({"rate": 1.0, "json": "{", "data": "x"}, "--json and --data do not go together"),
        ({"rate": 1.0, "json": '{"a": }'}, "line 1, column 7: not JSON: Expecting value"),
        ({"rate": 1.0, "data": "@nowhere.txt"}, "cannot be read: No such file"),
        ({"rate": 1.0, "method": "G T"}, "'G T' is no method"),
        ({"rate": 1.0, "headers": ("nothing",)}, "--header is no header"),
        ({"rate": 1.0, "headers": ("A: 1", "a: 2")}, "--header a is there twice"),
        ({"rate": 1.0, "headers": ("Cookie: a=b",)}, "--header Cookie: a secret on the command"),
        ({"rate": 1.0, "headers": ("X-Api-Key: b",)}, "--header X-Api-Key: a secret"),
        ({"rate": 1.0, "headers": ("A: env:NO_SUCH_VARIABLE",)}, "is not set or empty"),
        ({"rate": 1.0, "headers": ("A: env:SHORT_OF_TEST",)}, "fewer than 4 characters"),
        ({"rate": 1.0, "headers": ("A: env:UMLAUT_OF_TEST",)}, "characters that no header"),
        ({"rate": 1.0, "headers": ("A: \x01",)}, "--header A: a value is printable ASCII"),
        ({"rate": 1.0, "url": "http://me:pw@127.0.0.1/"}, "the URL has a password in it"),
    ],
)
def test_options_that_cannot_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("SHORT_OF_TEST", "pwx")
    monkeypatch.setenv("UMLAUT_OF_TEST", "pwäöü")
    with pytest.raises(UsageError, match=said) as caught:
        write(Quick(**({"url": ROOT} | changed)), tmp_path)
    assert "pw" not in str(caught.value)
    assert "a=b" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "http://127.0.0.1:x/", "http:///x", ROOT + "/a b"]
)
def test_urls_that_are_none(tmp_path: Path, url: str) -> None:
    with pytest.raises(TargetError):
        write(Quick(url, rate=1.0), tmp_path)


# -- the command line -----------------------------------------------------------------------------


def test_a_url_in_the_place_of_a_file() -> None:
    options = parsed(f"{ROOT}/x", "--rate", "5", "--duration", "1m")
    assert options.file == Url(f"{ROOT}/x")
    with chosen(options, "run", None) as what:
        assert what.file.is_file()
        request = what.into(RunRequest(what.file, users=4, duration=60.0))
        assert "duration=60.0" in what.file.read_text()
    assert not what.file.exists()
    assert (request.host, request.users, request.duration) == (ROOT, None, None)
    assert request.shown == f"GET {ROOT}/x"


def test_a_file_is_left_as_it_is() -> None:
    with chosen(parsed("users.py", "--users", "4"), "run", None) as what:
        request = RunRequest(what.file, users=4)
        assert what.into(request) is request


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--users", "3"], "no scenario given"),
        (["users.py", "--url", ROOT, "--rate", "5"], "users.py and --url do not go together"),
        (["users.py", "--rate", "5"], "--rate goes with --url"),
        (["users.py", "--header", "A: b"], "--header goes with --url"),
        (["users.py", "--warm-up", "5s"], "--warm-up goes with --url"),
        (["--url", ROOT, "--rate", "5", "--host", ROOT], "--host and --url do not go together"),
        (["--url", ROOT, "--rate", "5", "--stack", "embedded"], "embedded stack"),
        (["--url", ROOT, "--rate", "5", "--expect-workers", "2"], "other machines need a file"),
        (["--url", ROOT, "--users", "5", "--spawn-rate", "2"], "--spawn-rate does not go with"),
    ],
)
def test_files_urls_and_their_options(words: list[str], said: str) -> None:
    options = parsed(*words)
    with pytest.raises(UsageError, match=said), chosen(options, "run", options.json):
        pass


def test_the_command_line_is_kept_without_values() -> None:
    words = ["run", "--url", f"{ROOT}/x?a=1&b=2", "--json", '{"pin": 1}', "--header", "A: b"]
    words += ["--header=X-Key: env:KEY", "--data=@body.txt", "--slo", "p95 < 1 s"]
    assert without_values(words) == [
        *("run", "--url", f"{ROOT}/x?a=[removed]&b=[removed]", "--json", "[removed]"),
        *("--header", "A: [removed]", "--header=X-Key: env:KEY", "--data=@body.txt"),
        *("--slo", "p95 < 1 s"),
    ]
