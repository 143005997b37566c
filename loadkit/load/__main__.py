"""``python -m loadkit.load describe|run|smoke|worker``: the processes that know Locust."""

from __future__ import annotations

import argparse
import json
import os
import sys

from loadkit.load.spoken import clean_streams


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
    smoke = commands.add_parser("smoke", help="try each task of a plan's file once, writing frames")
    smoke.add_argument("--plan-fd", type=int, required=True)
    smoke.add_argument("--frames-fd", type=int, required=True)
    _add_worker(commands)
    words = sys.argv[1:] if arguments is None else arguments
    # Split by hand: argparse hands nothing behind -- to a list that it has found empty before.
    cut = words.index("--") if "--" in words else len(words)
    given = parser.parse_args(words[:cut], argparse.Namespace(locust_args=words[cut + 1 :]))
    # Standard output is not ours to write to, and a file's prints are not its result.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    clean_streams()
    if given.command == "describe":
        return _describe(given)
    if given.command == "smoke":
        return _smoke(given)
    return _worker(given) if given.command == "worker" else _run(given)


def _add_worker(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    worker = commands.add_parser(
        "worker",
        help="make a share of the load of a master elsewhere (docs/workers.md)",
        description="The token comes from the variable LOADKIT_TOKEN or --token-file. The plan, "
        "the target and Locust's options come from the master.",
    )
    worker.add_argument("file", metavar="FILE", help="the master's file, byte for byte")
    worker.add_argument("--connect", required=True, metavar="HOST[:PORT]", help="the master")
    worker.add_argument("--token-file", metavar="PATH", help="a file with the token")
    worker.add_argument("--token-fd", type=int, help=argparse.SUPPRESS)
    worker.add_argument("--name", help="in the report (default: the host's name)")
    worker.add_argument(
        "--wait", default="60s", metavar="TIME", help="how long to try to reach it (default 60s)"
    )


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
    if plan.master is not None:
        from loadkit.load.master import Master

        Master(plan, Pipe(given.frames_fd)).run()
    else:
        Engine(plan, Pipe(given.frames_fd)).run()
    return 0


def _worker(given: argparse.Namespace) -> int:
    import locust  # noqa: F401 - patches the process, so before anything else

    from loadkit.errors import LoadkitError
    from loadkit.load.worker import work

    try:
        return work(given)
    except LoadkitError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_status


def _smoke(given: argparse.Namespace) -> int:
    import locust  # noqa: F401 - patches the process, so before anything else

    from loadkit.load.pipe import Pipe
    from loadkit.load.plan import Plan
    from loadkit.load.smoke import smoke

    with os.fdopen(given.plan_fd, encoding="utf-8") as source:
        plan = Plan.from_json(json.load(source))
    smoke(plan, Pipe(given.frames_fd))
    return 0


if __name__ == "__main__":
    sys.exit(main())
