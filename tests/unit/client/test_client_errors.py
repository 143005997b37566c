"""Errors: the tree as it is drawn, and the map of foreign ones."""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl

import httptools
import pytest

from loadkit.load.client import errors
from loadkit.load.client.errors import translated


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    ours = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.RequestError)
    }
    assert ours <= drawn
    assert drawn - ours == {
        "ConnectionRefusedError",
        "ConnectionResetError",
        "BrokenPipeError",
        "TargetNotAllowed",
    }


def test_every_error_number_has_a_place() -> None:
    for number in errno.errorcode:
        error = OSError(number, os.strerror(number))
        assert isinstance(translated(error), ConnectionError), errno.errorcode[number]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(111, "refused"), "ConnectionRefusedError"),
        (ConnectionResetError(104, "reset"), "ConnectionResetError"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "NoPortsLeft"),
        (OSError(errno.EMFILE, "x"), "NoFilesLeft"),
        (OSError(errno.EHOSTUNREACH, "x"), "HostUnreachable"),
        (OSError(errno.ETIMEDOUT, "x"), "ConnectTimeout"),
        (TimeoutError("timed out"), "ConnectTimeout"),
        (socket.gaierror(-2, "unknown"), "NameNotResolved"),
        (ssl.SSLError(1, "wrong version"), "TlsError"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "CertificateError"),
        (httptools.HttpParserError("bad"), "MalformedResponse"),
        (httptools.HttpParserInvalidStatusError("bad"), "MalformedResponse"),
        (errors.ResponseTimeout("late"), "ResponseTimeout"),
    ],
)
def test_kinds(error: Exception, kind: str) -> None:
    found = translated(error)
    assert type(found).__name__ == kind
    assert str(found)


def test_a_mistake_of_ours_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        translated(KeyError("x"))
