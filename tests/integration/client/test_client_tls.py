"""TLS: verified unless told otherwise."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from client_certs import Certificates, make
from client_harness import Client, Odd, Step, always, odd, plain, wait_until

pytestmark = pytest.mark.integration

# A server refuses a client after the handshake; its reason may be lost with the connection.
_REFUSED = ("TlsError", "ConnectionClosed", "ConnectionResetError")


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make(tmp_path_factory.mktemp("certs"))


def test_an_authority_of_ones_own(client: Client, certs: Certificates) -> None:
    with odd(always(plain(b"secret")), certs.context()) as server:
        session = client.session(server.url, verify=str(certs.authority))
        found = session.many([("POST", "/", {"json": {"a": 1}})] * 5)
        assert [(r.status, r.content) for r in found] == [(200, b"secret")] * 5
        assert server.connections == 1
        assert server.requests[0].endswith(b'{"a":1}')


def test_by_name(client: Client, certs: Certificates) -> None:
    context = certs.context()
    names: list[str | None] = []
    context.sni_callback = lambda sock, name, _: names.append(name)
    with odd(always(plain(b"secret")), context) as server:
        base = f"https://localhost:{server.port}"
        assert client.session(base, verify=str(certs.authority))("GET", "/").status == 200
        assert names == ["localhost"]


@pytest.mark.parametrize("which", ["server", "expired", "elsewhere"])
def test_not_accepted(client: Client, certs: Certificates, which: str) -> None:
    with odd(always(plain()), certs.context(getattr(certs, which))) as server:
        verify: bool | str = True if which == "server" else str(certs.authority)
        found = client.session(server.url, verify=verify)("GET", "/")
        assert (found.status, found.error) == (0, "CertificateError")
        assert server.requests == []


def test_not_verified_when_told_so(client: Client, certs: Certificates) -> None:
    with odd(always(plain(b"x")), certs.context(certs.elsewhere)) as server:
        assert client.session(server.url, verify=False)("GET", "/").content == b"x"


@pytest.mark.parametrize("pair", [True, False])
def test_client_certificates(
    client: Client, certs: Certificates, tmp_path: Path, pair: bool
) -> None:
    one = tmp_path / "both.pem"
    one.write_text(certs.client.read_text() + certs.client_key.read_text())
    cert = {"tuple": [str(certs.client), str(certs.client_key)]} if pair else str(one)
    with odd(always(plain(b"welcome")), certs.context(ask=True)) as server:
        session = client.session(server.url, verify=str(certs.authority), cert=cert)
        assert session("GET", "/").content == b"welcome"
        without = client.session(server.url, verify=str(certs.authority))
        assert without("GET", "/").error in _REFUSED


def test_a_missing_file_is_said(client: Client) -> None:
    found = client.session("https://127.0.0.1:1", verify="/nowhere.pem")("GET", "/")
    assert found.error == "ConnectionRefusedError"
    with odd(always(plain())) as server:
        session = client.session(f"https://127.0.0.1:{server.port}", verify="/nowhere.pem")
        assert "nowhere.pem" in session("GET", "/").text


def test_a_server_that_speaks_no_tls(client: Client) -> None:
    with odd(always(plain())) as server:
        # It waits for the end of a head, and a handshake holds no empty line.
        session = client.session(f"https://127.0.0.1:{server.port}", connect_timeout=0.3)
        assert session("GET", "/").error == "ConnectTimeout"


def test_and_one_that_answers_in_plain_text(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert client.session(f"https://127.0.0.1:{port}")("GET", "/").error == "TlsError"
        thread.join()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_large_and_cut_answers(
    client: Client, certs: Certificates, version: ssl.TLSVersion
) -> None:
    context = certs.context()
    context.minimum_version = context.maximum_version = version
    body = bytes(range(256)) * 3_000

    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        if b" /cut " in request:
            return [plain(body)[:400_000], "close"]
        if b" /end " in request:
            return [b"HTTP/1.1 200 OK\r\n\r\n" + body, "close"]
        answer = plain(body)
        return [answer[:17], 0.01, answer[17:50_000], 0.01, answer[50_000:]]

    with odd(script, context) as server:
        session = client.session(server.url, verify=str(certs.authority))
        calls = ["/", "/", "/cut", "/", "/end", "/"]
        found = session.many([("POST", path, {"data": "x" * 100_000}) for path in calls])
        assert [r.error for r in found] == [None, None, "ConnectionClosed", None, None, None]
        assert [r.content for r in found if not r.error] == [body] * 5
        assert server.connections == 3


def test_closed_while_idle_and_tried_again(client: Client, certs: Certificates) -> None:
    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        return [plain(), "close"] if b"/last" in request else [plain()]

    with odd(script, certs.context()) as server:
        session = client.session(server.url, verify=str(certs.authority))
        assert session("GET", "/last").status == 200
        wait_until(lambda: not server.peers)
        assert session("POST", "/", data="x").status == 200
        assert server.connections == 2


def test_a_redirect_to_https(client: Client, certs: Certificates) -> None:
    with odd(always(plain(b"safe")), certs.context()) as safe:
        answer = plain(b"", "301 Moved", f"Location: {safe.url}/", "Set-Cookie: a=b; Secure")
        with odd(always(answer)) as server:
            session = client.session(server.url, verify=str(certs.authority))
            assert session("GET", "/").content == b"safe"
            assert secure(safe)


def secure(server: Odd) -> bool:
    return b"Cookie: a=b\r\n" in server.requests[0]
