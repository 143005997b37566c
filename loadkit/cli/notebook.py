"""``loadkit notebook``."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from loadkit.cli.command import refuse_unknown
from loadkit.notebook.books import WHICH, made_for, save


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit notebook``."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder that run printed")
    parser.add_argument(
        "--which", choices=WHICH, default=WHICH[0], help=f"which one (default {WHICH[0]})"
    )
    parser.add_argument("--no-open", action="store_true", help="only write it")


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command. Standard output carries the notebook's path and nothing else."""
    refuse_unknown(unknown, "loadkit notebook")
    text = made_for(options.bundle, options.which)
    path = save(options.bundle, options.which, text)
    print(path, flush=True)
    if options.no_open:
        return 0
    if importlib.util.find_spec("jupyterlab") is None:
        print(
            "Jupyter is not installed, so nothing is opened. To have it:\n"
            "  pip install 'loadkit-tools[notebooks]'",
            file=sys.stderr,
        )
        return 0
    return _open(path)


def _open(path: Path) -> int:
    """Jupyter Lab on loopback, until it is ended."""
    command = [
        *(sys.executable, "-m", "jupyterlab", str(path)),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={path.parent.resolve()}"),
    ]
    return subprocess.run(command, check=False).returncode
