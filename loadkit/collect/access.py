"""How a foreign server is talked to: headers, tenant and TLS, from settings and environment."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadkit.collect.headers import ALERTMANAGER, PROMETHEUS, from_environment
from loadkit.config import Tls
from loadkit.errors import UsageError
from loadkit.scrub import keep_out

TENANT = "X-Scope-OrgID"
VARIABLES: Mapping[str, str] = {"prometheus": PROMETHEUS, "alertmanager": ALERTMANAGER}
"""Sections whose headers may also come from one environment variable."""


@dataclass(frozen=True, slots=True)
class Access:
    """What goes with every request to one server. ``repr`` shows no header.

    Attributes:
        section: of loadkit.toml, for messages; empty for a server of loadkit's own.
        headers: name → value, the tenant's among them.
        ca_file: certificates to trust instead of the well-known ones.
        cert_file, key_file: client certificate and its key.
        verify: whether the server's certificate is checked.
    """

    section: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    verify: bool = True

    def tls(self) -> ssl.SSLContext | bool:
        """For httpx: a context, or the default one.

        Raises:
            UsageError: a file is missing or does not hold what it should.
        """
        self.check_files()
        if self.ca_file is None and self.cert_file is None and self.verify:
            return True
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file is not None:
            context.load_cert_chain(self.cert_file, self.key_file)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def check_files(self) -> None:
        """See :meth:`tls`."""
        for key, path in (
            ("ca_file", self.ca_file),
            ("cert_file", self.cert_file),
            ("key_file", self.key_file),
        ):
            if path is not None:
                self._must_be_readable(key, path)
        probe = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if self.ca_file is not None:
                probe.load_verify_locations(self.ca_file)
        except (ssl.SSLError, OSError):
            raise self._wrong(
                "ca_file", f"{self.ca_file} holds no certificates", "It must be PEM."
            ) from None
        try:
            if self.cert_file is not None:
                # An encrypted key would ask on the terminal; an empty password makes it fail.
                probe.load_cert_chain(self.cert_file, self.key_file, password="")
        except (ssl.SSLError, OSError):
            raise self._wrong(
                "cert_file",
                f"{self.cert_file} and {self.key_file or 'the key in it'} are no certificate with "
                "its key",
                "Both must be PEM, belong together, and the key must not be encrypted.",
            ) from None

    def _must_be_readable(self, key: str, path: Path) -> None:
        try:
            with path.open("rb"):
                return
        except OSError as error:
            raise self._wrong(
                key, f"{path} cannot be read: {error.strerror}", "Correct the path."
            ) from None

    def _wrong(self, key: str, what: str, remedy: str) -> UsageError:
        return UsageError(f"{key} {what}", where=f"[{self.section}]", remedy=remedy)


def access_of(section: str, settings: Tls, environment: Mapping[str, str] | None = None) -> Access:
    """The access that a section of the settings describes.

    Of a header that several name, ``LOADKIT_PROMETHEUS_HEADERS`` (or ``…ALERTMANAGER…``) holds
    before the file's, and ``tenant`` before both.

    Args:
        section: its name, such as ``"prometheus"``.
        settings: its values.
        environment: where ``env:NAME`` is looked up; the process' own unless given.

    Raises:
        UsageError: a secret is not there, or a variable holds no headers. Never shows a value.
    """
    headers: dict[str, str] = {}
    for name, secret in settings.headers.items():
        try:
            value = secret.reveal(environment)
        except UsageError as error:
            raise UsageError(
                f"header {name}: {error.where} {error.what}",
                where=f"[{section}] headers",
                remedy=error.remedy,
            ) from None
        if not (value.isascii() and value.isprintable()):
            raise UsageError(
                f"header {name}: {secret} has characters that no header can have",
                where=f"[{section}] headers",
                remedy="One line of printable ASCII.",
            )
        _put(headers, name, value)
    if section in VARIABLES:
        for name, value in from_environment(VARIABLES[section], environment).items():
            for word in (value, value.rpartition(" ")[2]):  # with and without its scheme
                keep_out(word)
            _put(headers, name, value)
    tenant = getattr(settings, "tenant", None)
    if tenant:
        _put(headers, TENANT, tenant)
    return Access(
        section, headers, settings.ca_file, settings.cert_file, settings.key_file, settings.verify
    )


def _put(headers: dict[str, str], name: str, value: str) -> None:
    for known in [known for known in headers if known.lower() == name.lower()]:
        del headers[known]
    headers[name] = value
