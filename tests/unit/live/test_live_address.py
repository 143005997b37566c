"""Where to listen, and under which names it may be asked."""

from __future__ import annotations

import socket

import pytest

from loadkit.errors import UsageError
from loadkit.live.address import Address, listen, looks_like_address, may_be_called, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("9700", "127.0.0.1", 9700),
        ("0", "127.0.0.1", 0),
        ("127.0.0.1:9700", "127.0.0.1", 9700),
        ("[::1]:80", "::1", 80),
        ("build-7.example:9700", "build-7.example", 9700),
        ("0.0.0.0:1", "0.0.0.0", 1),
    ],
)
def test_an_address_is_a_port_with_or_without_a_host(text: str, host: str, port: int) -> None:
    assert looks_like_address(text)
    assert parse_address(text, "--live") == Address(host, port)


@pytest.mark.parametrize("text", ["", "peak", "scenarios/peak.py", "1:2:3", "a b:1", ":80", "-1"])
def test_anything_else_is_none(text: str) -> None:
    assert not looks_like_address(text)
    with pytest.raises(UsageError, match=r"--live: .* no address to listen on"):
        parse_address(text, "--live")


def test_a_port_has_a_highest_number() -> None:
    with pytest.raises(UsageError, match="no address"):
        parse_address("127.0.0.1:65536", "--live")


def test_urls_are_for_a_browser_on_this_machine() -> None:
    assert Address("127.0.0.1", 80).url == "http://127.0.0.1:80/"
    assert Address("::1", 80).url == "http://[::1]:80/"
    assert Address("0.0.0.0", 80).url == "http://127.0.0.1:80/"


def test_a_free_port_is_found_and_listened_on() -> None:
    found, address = listen(parse_address("0", "--live"), "--live")
    with found, socket.create_connection((address.host, address.port), 5):
        assert address.port > 0


def test_a_taken_port_and_a_foreign_address_are_told_apart() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as error:
            listen(Address("127.0.0.1", port), "--live")
    assert str(error.value).startswith(f"--live 127.0.0.1:{port}: cannot listen")
    assert "Something listens there already" in str(error.value)
    with pytest.raises(UsageError, match="no address of this machine"):
        listen(Address("192.0.2.1", 0), "--live")


@pytest.mark.parametrize(
    ("host", "named", "answered"),
    [
        ("127.0.0.1:9700", "127.0.0.1", True),
        ("localhost:9700", "127.0.0.1", True),
        ("LOCALHOST", "127.0.0.1", True),
        ("[::1]:9700", "::1", True),
        ("192.0.2.4:9700", "0.0.0.0", True),
        ("build.example:9700", "build.example", True),
        ("evil.example:9700", "127.0.0.1", False),
        ("127.0.0.1.evil.example", "127.0.0.1", False),
        ("localhost.evil.example:80", "127.0.0.1", False),
        ("", "127.0.0.1", False),
    ],
)
def test_a_rebound_name_is_not_answered(host: str, named: str, answered: bool) -> None:
    assert may_be_called(host, named) is answered
