"""Certificates of a small authority of our own, made with openssl."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Certificates:
    """Files in PEM."""

    authority: Path
    server: Path  # certificate and key
    expired: Path
    elsewhere: Path  # for another host
    client: Path
    client_key: Path

    def context(self, server: Path | None = None, *, ask: bool = False) -> ssl.SSLContext:
        """For a server; ``ask`` for a client certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server or self.server)
        if ask:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority)
        return context


def _openssl(*args: str) -> None:
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def make(folder: Path) -> Certificates:
    """Makes them all."""
    authority, key = folder / "ca.pem", folder / "ca.key"
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", str(key), "-out", str(authority), "-days", "2", "-subj", "/CN=Test authority"),
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign"),
    )

    def issue(name: str, alternative: str, *, days: int = 1) -> tuple[Path, Path]:
        own, request, cert = (folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        extensions = folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n")
        _openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-keyout", str(own), "-out", str(request), "-subj", f"/CN={name}"),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(key)),
            *("-CAcreateserial", "-out", str(cert), "-days", str(days)),
            *("-extfile", str(extensions)),
        )
        return cert, own

    def both(name: str, alternative: str, *, days: int = 1) -> Path:
        cert, own = issue(name, alternative, days=days)
        cert.write_text(cert.read_text() + own.read_text())
        return cert

    client, client_key = issue("client", "DNS:client")
    return Certificates(
        authority,
        both("server", "IP:127.0.0.1,DNS:localhost"),
        both("expired", "IP:127.0.0.1", days=-1),
        both("elsewhere", "DNS:elsewhere.example"),
        client,
        client_key,
    )
