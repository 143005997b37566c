"""Who may be hit, and settings from loadkit.toml."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from loadkit.config import Config, load_config
from loadkit.errors import TargetError, UsageError
from loadkit.run.targets import check_allowed, check_reachable

LOOPBACK = Config().allowed_targets


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("https://localhost", ("localhost", 443)),
        ("http://[::1]/x", ("::1", 80)),
        ("127.3.2.1:99", ("127.3.2.1", 99)),
    ],
)
def test_this_machine_is_allowed(url: str, expected: tuple[str, int]) -> None:
    assert check_allowed(url, LOOPBACK) == expected


@pytest.mark.parametrize("url", ["http://192.0.2.1", "http://localhost.example", "http://0.0.0.0"])
def test_anybody_else_is_refused_with_the_line_to_write(url: str) -> None:
    with pytest.raises(TargetError, match="not among the allowed") as caught:
        check_allowed(url, LOOPBACK)
    assert "[targets] allow = [" in str(caught.value)
    assert "Nothing was sent" in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "http://127.0.0.1:x"])
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(TargetError):
        check_allowed(url, LOOPBACK)


def test_a_named_host_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "loadkit.toml").write_text('[targets]\nallow = ["shop.example"]\n')
    allowed = load_config(tmp_path).allowed_targets
    assert check_allowed("https://shop.example/", allowed) == ("shop.example", 443)


def test_nobody_there_is_found_by_one_connect() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(TargetError, match=r"cannot be reached: Connection refused"):
            asyncio.run(check_reachable(url, LOOPBACK))
        free.listen()
        asyncio.run(check_reachable(url, LOOPBACK))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[targets", "not valid TOML"),
        ("[target]\n", "section [target] is not known"),
        ("[targets]\nalow = []\n", "alow is not known"),
        ('[targets]\nallow = "x"\n', "must be a list"),
    ],
)
def test_settings_that_are_wrong_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "loadkit.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path)
    assert message in str(caught.value)
    assert "loadkit.toml" in str(caught.value)
