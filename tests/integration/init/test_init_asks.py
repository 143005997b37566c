"""``loadkit init`` in a terminal, and what it does with files that are there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from init_record import site
from run_helpers import environment, loadkit

from loadkit.config import load_config

pytestmark = pytest.mark.integration


def in_a_terminal(answers: list[str], cwd: Path) -> tuple[int, str]:
    """Runs ``loadkit init`` in a terminal and types the answers; (status, what was shown)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "loadkit", "init"],
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(TERM="dumb"),
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    left = list(answers)
    try:
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
            if shown.rstrip().endswith(b":") and left:
                os.write(ours, left.pop(0).encode() + b"\n")
        return process.wait(60), shown.decode()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


def test_it_asks_when_nothing_is_given(tmp_path: Path) -> None:
    with site() as url:
        status, shown = in_a_terminal([url, "", ""], tmp_path)
    assert status == 0, shown
    assert "URL of the service" in shown
    assert "wrote      scenarios/first.py (1 task)" in shown
    assert load_config(tmp_path, {}).service.url == url


def test_no_answer_is_nothing_to_begin_with(tmp_path: Path) -> None:
    status, shown = in_a_terminal(["", "", ""], tmp_path)
    assert status == 2
    assert "nothing to begin with" in shown
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_there_are_written_anew_only_when_told(tmp_path: Path) -> None:
    with site() as url:
        assert loadkit("init", url, cwd=tmp_path).returncode == 0
        for name in ("loadkit.toml", "scenarios/first.py"):
            (tmp_path / name).write_text("# mine\n")
        again = loadkit("init", url, cwd=tmp_path)
        assert again.returncode == 2
        assert "scenarios/first.py: exists and is left as it is" in again.stderr
        assert (tmp_path / "scenarios/first.py").read_text() == "# mine\n"
        other = loadkit("init", url, "--output", "other.py", cwd=tmp_path)
        assert other.returncode == 0, other.stderr
        assert "kept       loadkit.toml" in other.stdout
        assert (tmp_path / "loadkit.toml").read_text() == "# mine\n"
        forced = loadkit("init", url, "--force", cwd=tmp_path)
    assert forced.returncode == 0, forced.stderr
    assert "# mine" not in (tmp_path / "loadkit.toml").read_text()
    assert "# mine" not in (tmp_path / "scenarios/first.py").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "loadkit.toml",
        "other.py",
        "scenarios",
    ]


def test_a_service_that_gives_no_metrics_is_still_watched_as_a_process(tmp_path: Path) -> None:
    with site() as url:
        made = loadkit("init", f"{url}/thanks?from=a&token=s3cr3t-4711", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "metrics    none were found (/metrics)" in made.stdout
    config = load_config(tmp_path, {})
    assert config.run.stack == "external"
    assert [process.name for process in config.processes] == ["init_site"]
    written = (tmp_path / "scenarios" / "first.py").read_text()
    assert 'self.client.get("/thanks", params={"from": "a", "token": TOKEN})' in written
    assert "s3cr3t" not in written + made.stdout
