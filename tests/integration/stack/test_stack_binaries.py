from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadkit.errors import StackError
from loadkit.stack import binaries, cache, packages
from loadkit.stack.interpreter import python_path
from loadkit.stack.server import Place
from loadkit.stack.servers import Alertmanager

pytestmark = pytest.mark.integration

PACKAGE = "prometheus-node-exporter"  # the smallest


def silent(_: str) -> None:
    return None


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "loadkit"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every user may enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="loadkit-test-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


INSTALL = """
import sys
from loadkit.stack import packages
packages.install([sys.argv[1]], lambda words: print(words, flush=True))
"""


def test_two_at_once_download_once_and_nobody_a_second_time(
    empty_cache: Path, tmp_path: Path
) -> None:
    if not packages.available():
        pytest.skip("no Debian packages on this system")
    command = [sys.executable, "-c", INSTALL, PACKAGE]
    environment = {**os.environ, "PYTHONPATH": python_path()}
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("downloading" in text for text in said) == 1

    directory = packages.unpacked(PACKAGE)
    assert directory is not None
    program = directory / "usr/bin/prometheus-node-exporter"
    assert binaries.Binary(program, "package").version()[0].isdigit()
    assert not (directory / "etc").exists()
    left = [path.name for path in directory.parent.iterdir()]
    assert sorted(left) == [".lock", PACKAGE]

    told: list[str] = []
    packages.install([PACKAGE], told.append)
    assert told == []


def test_no_network_is_one_clear_message(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not packages.available():
        pytest.skip("no Debian packages on this system")
    config = tmp_path / "nothing.conf"
    (tmp_path / "etc").mkdir()
    config.write_text(f'Dir::Etc "{tmp_path}/etc";\n')
    monkeypatch.setenv("APT_CONFIG", str(config))
    with pytest.raises(StackError, match="could not be downloaded") as error:
        packages.install([PACKAGE], silent)
    assert f"apt-get install {PACKAGE}" in str(error.value)
    (home,) = (empty_cache / "servers").iterdir()
    assert [path.name for path in home.iterdir()] == [".lock"]


def test_elsewhere_the_message_says_what_to_install(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError) as error:
        binaries.ensure(silent)
    assert error.value.exit_status == 1
    assert str(error.value).startswith(
        "prometheus, promtool, alertmanager, amtool, node_exporter not found on PATH"
    )
    assert "Install prometheus, promtool, alertmanager, amtool, node_exporter" in str(error.value)


def test_path_comes_first_under_either_spelling(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "node_exporter"
    program.write_text("#!/bin/sh\necho node_exporter, version 9.9.9 '(x)' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = binaries.ensure(silent, ["node_exporter"])["node_exporter"]
    assert (found.path, found.origin, found.directory) == (program, "PATH", None)
    assert found.version() == "9.9.9"


def test_a_cache_that_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(StackError, match="Set XDG_CACHE_HOME"):
        cache.cache_directory()
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored, by the specification
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.cache_directory() == tmp_path / ".cache" / "loadkit"


def test_unpacked_alertmanager_finds_its_templates(tmp_path: Path) -> None:
    binary = binaries.ensure(silent, ["alertmanager"])["alertmanager"]
    if binary.origin != "package":
        pytest.skip("Alertmanager is installed on this system")
    config = tmp_path / "a.yml"
    config.write_text("route: {receiver: a}\nreceivers: [{name: a}]\n")

    async def run() -> bool:
        server = Alertmanager(Place("test", tmp_path), binary, config.read_text())
        await server.start()
        try:
            return await server.healthy()
        finally:
            await server.stop()

    assert asyncio.run(run())


def test_an_ordinary_user_can_install(open_folder: Path) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root, to become somebody else")
    if not packages.available():
        pytest.skip("no Debian packages on this system")
    python = "/usr/bin/python3"
    usable = subprocess.run(
        [python, "-c", "import sys; raise SystemExit(sys.version_info < (3, 11))"], check=False
    )
    if usable.returncode != 0:
        pytest.skip("no Python 3.11 that every user may run")
    # A copy, because the checkout might be closed to him.
    code = open_folder / "code"
    shutil.copytree(Path(python_path().split(os.pathsep)[0]) / "loadkit", code / "loadkit")
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    done = subprocess.run(
        [*nobody, python, "-B", "-c", INSTALL, PACKAGE],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(code)},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.glob(".cache/loadkit/servers/*/*/usr/bin/prometheus-node-exporter"))
