"""A Prometheus that is none, or lets nobody in: told by the check, and refused by a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from external_servers import Front, certificates, front, says

from loadkit.cli import main
from loadkit.collect.access import Access
from loadkit.collect.prometheus_api import PrometheusApi
from loadkit.errors import AnswerError

pytestmark = pytest.mark.integration

GRAFANA = "<!DOCTYPE html><html><head><title>Grafana</title></head><body></body></html>"


def checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The only source of the settings, as ``loadkit config --check --json`` tells it."""
    assert main(["config", "--check", "--json"]) == 2
    (seen,) = json.loads(capsys.readouterr().out)
    assert not seen["ok"]
    assert isinstance(seen, dict)
    return seen


@pytest.mark.parametrize(
    ("status", "body", "location", "told", "remedy"),
    [
        (200, GRAFANA, "", "answered 200 with a web page “Grafana”", "/api/datasources/proxy/"),
        (401, "", "", "answered 401: not allowed", "LOADKIT_PROMETHEUS_HEADERS"),
        (302, "", "/login", "answered 302: redirects to /login", "looks like a login"),
        (404, "404 page not found", "", "answered 404: nothing there", "path prefix"),
        (200, '{"status": "ok"}', "", "something that is not its JSON API", "path prefix"),
        (503, "starting", "", "answered 503: starting", "Is it starting"),
    ],
)
def test_the_check_names_the_url_what_came_and_the_remedy(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
    body: str,
    location: str,
    told: str,
    remedy: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    headers = {"Location": location} if location else {}
    with says(status, body, **headers) as url:
        Path("loadkit.toml").write_text(f'[prometheus]\nurl = "{url}/prom/"\n')
        seen = checked(tmp_path, capsys)
    assert told in seen["what"]
    assert "\n" not in seen["what"]
    assert seen["where"].startswith(f"{url}/prom/api/v1/query")
    assert remedy in seen["remedy"]


def test_tls_by_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    certs = certificates(tmp_path / "tls")

    def told(books: Front, *lines: str, scheme: str = "https") -> tuple[str, str]:
        url = f"{scheme}://127.0.0.1:{books.port}"
        Path("loadkit.toml").write_text("\n".join([f'[prometheus]\nurl = "{url}"', *lines]))
        seen = checked(tmp_path, capsys)
        assert "127.0.0.1" in str(seen["where"]) or "[prometheus]" in str(seen["where"])
        return str(seen["what"]), str(seen["remedy"])

    authority, client = 'ca_file = "tls/ca.pem"', 'cert_file = "tls/client.pem"'
    with front(certs, {}, {}) as books:
        what, remedy = told(books)
        assert what.startswith("its certificate is not trusted: ")
        assert 'ca_file = "ca.pem"' in remedy
        what, remedy = told(books, authority)
        assert what == "wants a client certificate that it trusts"
        assert "cert_file" in remedy
        what, _ = told(books, authority, client, 'key_file = "tls/server.key"')
        assert what.startswith("cert_file tls/client.pem and tls/server.key are no certificate")
        what, _ = told(books, authority, client, 'key_file = "tls/client.key"')
        assert what == "answered 404: nothing there"  # let in, and there is nothing
        # Not checked, it gets further as well.
        what, _ = told(books, "verify = false", client, 'key_file = "tls/client.key"')
        assert what == "answered 404: nothing there"
    with says(200, "hello", "text/plain") as url:
        Path("loadkit.toml").write_text(f'[prometheus]\nurl = "{url.replace("http:", "https:")}"\n')
        seen = checked(tmp_path, capsys)
    assert seen["what"] == "does not speak TLS"
    assert "http://" in seen["remedy"]


def test_the_library_s_own_requests_are_told_alike(tmp_path: Path) -> None:
    certs = certificates(tmp_path / "tls")
    with front(certs, {}, {}) as books:
        url = f"https://127.0.0.1:{books.port}"
        client = Access(cert_file=certs.client, key_file=certs.client_key)
        for access, told in (
            (Access(), "its certificate is not trusted"),
            (replace(client, ca_file=certs.authority), "answered 404"),
            (replace(client, verify=False), "answered 404"),
        ):
            api = PrometheusApi(url, access)
            with pytest.raises(AnswerError, match=told):
                api.query("up")
            api.close()
    with says(302, "", Location="/login") as url:
        api = PrometheusApi(url)
        with pytest.raises(AnswerError, match="answered 302: a redirect"):
            api.query("up")
        api.close()


USERS = """
from locust import HttpUser, task


class Visitor(HttpUser):
    @task
    def home(self):
        self.client.get("/")
"""


def test_a_run_is_refused_before_the_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("users.py").write_text(USERS)
    with says(200, GRAFANA) as url:
        for words, where in (
            (["--prometheus", url], "--prometheus"),
            ([], "loadkit.toml:2"),
        ):
            if not words:
                Path("loadkit.toml").write_text(f'[alertmanager]\nurl = "{url}"\n')
            assert main(["run", "users.py", "-H", url, "-t", "2s", *words]) == 2
            told = capsys.readouterr().err
            assert f"error: {where}: {url}/api/" in told
            assert "web page “Grafana”" in told
    assert not (tmp_path / "reports").exists()
