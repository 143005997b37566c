"""What the shells are given completes in a real bash."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from steering_tools import loadkit

pytestmark = pytest.mark.integration

TRY = r"""
source "$1"; shift
function=$(complete -p loadkit | sed 's/.* -F \([^ ]*\).*/\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
"$function"
printf '%s\n' "${COMPREPLY[@]}"
"""


def completed(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    done = subprocess.run(
        ["bash", "--norc", "-c", TRY, "bash", str(folder / "loadkit.bash"), *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_values_and_files(tmp_path: Path) -> None:
    script = loadkit("completion", "bash", cwd=tmp_path)
    assert (script.returncode, script.stderr) == (0, "")
    (tmp_path / "loadkit.bash").write_text(script.stdout)
    (tmp_path / "peak.py").write_text("")
    (tmp_path / "token.txt").write_text("")
    (tmp_path / "reports").mkdir()
    assert completed(tmp_path, "loadkit", "pl") == ["plan"]
    assert completed(tmp_path, "loadkit", "run", "--abort") == [
        "--abort-errors",
        "--abort-slo",
        "--abort-promql",
    ]
    assert completed(tmp_path, "loadkit", "run", "--fail-on", "") == ["warning", "error"]
    assert completed(tmp_path, "loadkit", "run", "pe") == ["peak.py"]
    assert completed(tmp_path, "loadkit", "run", "--rate", "5", "--token-file", "to") == [
        "token.txt"
    ]
    assert completed(tmp_path, "loadkit", "run", "--reports", "re") == ["reports"]
    assert completed(tmp_path, "loadkit", "completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_others_are_given_every_command(tmp_path: Path, shell: str) -> None:
    script = loadkit("completion", shell, cwd=tmp_path)
    assert script.returncode == 0
    assert all(word in script.stdout for word in ("loadkit", "plan", "max-rate", "report"))
    program = shutil.which(shell)
    if program is not None:
        check = [program, "-n"] if shell == "zsh" else [program, "--no-execute"]
        done = subprocess.run(
            check, input=script.stdout, text=True, capture_output=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr


def test_a_shell_that_is_not_known(tmp_path: Path) -> None:
    done = loadkit("completion", "csh", cwd=tmp_path)
    assert done.returncode == 2
    assert "'csh'" in done.stderr
