"""Values that a process was told to keep out of everything."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from loadkit import scrub as scrub_module
from loadkit.errors import ScenarioError
from loadkit.load import secrets
from loadkit.load.secrets import secret
from loadkit.scrub import LONGEST, keep_out, scrub, without_known

VALUE = 'p/ä "+word'


@pytest.fixture(autouse=True)
def none_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(scrub_module, "_values", set())
    monkeypatch.setattr(scrub_module, "_known", None)
    monkeypatch.setattr(secrets, "_taken", {})
    yield


@pytest.mark.parametrize(
    "shown",
    [
        VALUE,
        quote(VALUE),
        quote(VALUE, safe=""),
        json.dumps(VALUE)[1:-1],
        base64.b64encode(VALUE.encode()).decode(),
    ],
)
def test_a_known_value_is_removed_in_every_dress(shown: str) -> None:
    text = f"before {shown} after"
    assert shown in scrub(text)
    keep_out(VALUE)
    assert shown not in scrub(text)
    assert scrub(text).startswith("before [removed]")


def test_it_is_removed_before_long_text_is_cut() -> None:
    keep_out("longsecretvalue")
    text = "x" * (LONGEST - 5) + "longsecretvalue"
    assert "longs" not in scrub(text)


def test_the_longer_of_two_values_goes_whole() -> None:
    keep_out("secret")
    keep_out("secret-and-more")
    assert without_known("a secret-and-more b secret c") == "a [removed] b [removed] c"


def test_scrubbing_twice_changes_nothing() -> None:
    once = scrub("GET /x?token=abc&y=1 password: 'p w' Authorization: Bearer abcdefgh")
    assert scrub(once) == once
    assert "[removed]]" not in once


def test_a_secret_of_the_environment_is_text_that_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", " value-of-it \n")
    token = secret("SHOP_TOKEN")
    assert token == "value-of-it"
    assert repr(token) == "<secret>"
    assert f"Bearer {token}" == "Bearer value-of-it"
    assert scrub(f"said {token}") == "said [removed]"
    assert secrets.taken() == ["env:SHOP_TOKEN"]


def test_a_secret_of_a_file_lies_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "token.txt").write_text("from-a-file\n")
    space = {"__file__": str(tmp_path / "scenario.py"), "__name__": "scenario"}
    exec("import loadkit\nvalue = loadkit.secret('file:token.txt')", space)
    assert space["value"] == "from-a-file"
    assert secrets.taken() == [f"file:{tmp_path / 'token.txt'}"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "secret env:SHOP_TOKEN is not set or empty"),
        ("", "secret env:SHOP_TOKEN is not set or empty"),
        ("abc", "secret env:SHOP_TOKEN has fewer than 4 characters"),
    ],
)
def test_a_secret_that_is_none_is_said_without_its_value(
    monkeypatch: pytest.MonkeyPatch, value: str | None, said: str
) -> None:
    monkeypatch.delenv("SHOP_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("SHOP_TOKEN", value)
    with pytest.raises(ScenarioError) as caught:
        secret("SHOP_TOKEN")
    assert caught.value.what == said
    assert caught.value.remedy
    assert value in (None, "") or value not in str(caught.value)


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(ScenarioError, match="cannot be read: No such file"):
        secret("file:nowhere.txt")
