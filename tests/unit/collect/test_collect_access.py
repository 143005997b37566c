"""Headers and TLS of a server of somebody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadkit.collect.access import Access, access_of
from loadkit.config import Prometheus, load_config
from loadkit.errors import UsageError
from loadkit.scrub import scrub


def settings(folder: Path, text: str) -> Prometheus:
    (folder / "loadkit.toml").write_text(f"[prometheus]\n{text}\n")
    return load_config(folder, {}).prometheus


def test_of_several_that_name_a_header_one_holds(tmp_path: Path) -> None:
    (tmp_path / "cookie").write_text("planted-cookie-1\n")
    found = settings(
        tmp_path,
        'tenant = "team-a"\nheaders = { authorization = "Bearer env:T", Cookie = "file:cookie", '
        'X-Scope-OrgID = "other", X-Own = "yes" }',
    )
    environment = {"T": "x", "LOADKIT_PROMETHEUS_HEADERS": "Authorization: Basic planted-basic-2"}
    access = access_of("prometheus", found, environment)
    assert access.headers == {
        "Authorization": "Basic planted-basic-2",
        "Cookie": "planted-cookie-1",
        "X-Own": "yes",
        "X-Scope-OrgID": "team-a",
    }
    assert "planted" not in repr(access)
    # What is sent is kept out of whatever this process writes from now on.
    assert scrub("it said planted-cookie-1 and planted-basic-2") == (
        "it said [removed] and [removed]"
    )


def test_a_secret_that_is_not_there_is_named_and_not_shown(tmp_path: Path) -> None:
    found = settings(tmp_path, 'headers = { Authorization = "env:NOBODY" }')
    with pytest.raises(UsageError) as caught:
        access_of("prometheus", found, {})
    assert str(caught.value) == (
        "[prometheus] headers: header Authorization: env:NOBODY is not set or empty\n"
        "Set it: export NOBODY=…"
    )
    with pytest.raises(UsageError, match="no header can have") as caught:
        access_of("prometheus", found, {"NOBODY": "two\nlines-hunter2"})
    assert "hunter2" not in str(caught.value)


def test_files_of_tls_are_looked_at_before_they_are_used(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\[prometheus\]: ca_file .* cannot be read: No such"):
        Access("prometheus", ca_file=tmp_path / "none.pem").tls()
    (tmp_path / "text.pem").write_text("hello\n")
    with pytest.raises(UsageError, match="holds no certificates"):
        Access("prometheus", ca_file=tmp_path / "text.pem").tls()
    with pytest.raises(UsageError, match="are no certificate with its key"):
        Access("prometheus", cert_file=tmp_path / "text.pem").tls()
    assert Access().tls() is True
