"""``python -m loadkit.load describe|run``: the load child of a supervisor."""

from __future__ import annotations

import argparse
import json
import os
import sys


def main(arguments: list[str] | None = None) -> int:
    """Does what the supervisor asks; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m loadkit.load")
    commands = parser.add_subparsers(dest="command", required=True)
    describe = commands.add_parser("describe", help="say what a file declares, as JSON")
    describe.add_argument("file")
    describe.add_argument("--out-fd", type=int, required=True)
    run = commands.add_parser("run", help="run a plan, writing frames")
    run.add_argument("--plan-fd", type=int, required=True)
    run.add_argument("--frames-fd", type=int, required=True)
    words = sys.argv[1:] if arguments is None else arguments
    # Split by hand: argparse hands nothing behind -- to a list that it has found empty before.
    cut = words.index("--") if "--" in words else len(words)
    given = parser.parse_args(words[:cut], argparse.Namespace(locust_args=words[cut + 1 :]))
    # Standard output is not ours to write to, and a file's prints are not its result.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if given.command == "describe":
        return _describe(given)
    return _run(given)


def _describe(given: argparse.Namespace) -> int:
    from loadkit.load.describe import describe

    answer = describe(given.file, given.locust_args)
    with os.fdopen(given.out_fd, "w", encoding="utf-8") as out:
        json.dump(answer, out)
    return 0


def _run(given: argparse.Namespace) -> int:
    import locust  # noqa: F401 - patches the process, so before anything else

    from loadkit.load.engine import Engine
    from loadkit.load.pipe import Pipe
    from loadkit.load.plan import Plan

    with os.fdopen(given.plan_fd, encoding="utf-8") as source:
        plan = Plan.from_json(json.load(source))
    Engine(plan, Pipe(given.frames_fd)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
