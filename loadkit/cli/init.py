"""``loadkit init``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from loadkit.cli.command import refuse_unknown
from loadkit.cli.options import seconds
from loadkit.config import FILE, load_config
from loadkit.errors import LoadkitError, UsageError
from loadkit.init import scenario, settings
from loadkit.init.draft import Draft
from loadkit.init.make import Made, Wanted, make
from loadkit.init.write import FORCE, refuse_existing, write
from loadkit.model.roles import ROLES, Guess

_DEFAULT = Path("scenarios/first.py")
_SHOWN = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``loadkit init``."""
    parser.add_argument("url", nargs="?", metavar="URL", help="the service, where the load goes")
    parser.add_argument(
        "--openapi", metavar="FILE|URL", help="an OpenAPI 3 document: a task for each operation"
    )
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        metavar="OPERATION",
        help="leave an operation out, by its operationId or as 'DELETE /items/{id}'",
    )
    parser.add_argument(
        "--har", type=Path, metavar="FILE", help="a recorded session: one task that follows it"
    )
    parser.add_argument(
        "--host", metavar="HOST", help="the recorded host (default: the most frequent one)"
    )
    parser.add_argument(
        "--assets", action="store_true", help="also recorded scripts, styles, images and fonts"
    )
    parser.add_argument(
        "--max-think", type=seconds, metavar="TIME", help="the longest think time that is kept"
    )
    parser.add_argument(
        "--output", type=Path, default=_DEFAULT, metavar="FILE", help=f"default: {_DEFAULT}"
    )
    parser.add_argument(FORCE, action="store_true", help="write files anew that are there")
    parser.epilog = (
        "Asks, when nothing is given and it runs in a terminal.\n"
        f"A {FILE} that is there is kept; a scenario that is there is an error."
    )


def execute(options: argparse.Namespace, unknown: list[str]) -> int:
    """See Command."""
    refuse_unknown(unknown, "loadkit init")
    wanted = Wanted(
        url=options.url,
        openapi=options.openapi,
        har=options.har,
        skip=tuple(options.skip),
        host=options.host,
        assets=options.assets,
        longest_wait_s=options.max_think,
    )
    if wanted.nothing:
        wanted = _asked(wanted)
    output: Path = options.output
    if output.suffix != ".py":
        raise UsageError("a scenario is a .py file", where=f"--output {output}")
    refuse_existing(output, options.force)
    made = make(wanted)
    print("\n".join(_seen(made)), flush=True)
    settings_file = Path(FILE)
    text = scenario.text(made.draft, shlex.quote(str(output)))
    written = [(output, text, f"{len(made.draft.tasks)} {_plural('task', made.draft.tasks)}")]
    if options.force or not settings_file.exists():
        written.insert(0, (settings_file, settings.text(made.found), "settings"))
    else:
        print(f"kept       {settings_file}, which is there ({FORCE} writes it anew)")
        _warn_of_other_target(made.draft)
    for path, content, what in written:
        write(path, content, options.force)
        print(f"wrote      {path} ({what})")
    print("\n".join(_then(made, output)), flush=True)
    return 0


def _asked(wanted: Wanted, ask: Callable[[str], str] = input) -> Wanted:
    if not sys.stdin.isatty():
        raise UsageError(
            "nothing to begin with",
            remedy="Give a URL, --openapi FILE|URL or --har FILE: "
            "loadkit init http://127.0.0.1:8000",
        )
    try:
        url = ask("URL of the service (empty: as in a document or recording): ").strip()
        document = ask("OpenAPI document, file or URL (empty: none, or as found there): ").strip()
        har = "" if document else ask("HAR file of a recorded session (empty: none): ").strip()
    except EOFError:
        print()
        raise UsageError("nothing to begin with", remedy="Give at least a URL.") from None
    return wanted.with_answers(url, document, har)


def _warn_of_other_target(draft: Draft) -> None:
    try:
        url = load_config(Path.cwd()).service.url
    except LoadkitError as error:
        print(f"warning    {str(error).splitlines()[0]}", file=sys.stderr)
        return
    if url is not None and url.rstrip("/") != draft.host:
        print(
            f"warning    {FILE} sends the load to {url}, this scenario is for {draft.host}: "
            f"give --host {draft.host}, or change the file",
            file=sys.stderr,
        )


# -- what is said ---------------------------------------------------------------------------------


def _seen(made: Made) -> list[str]:
    lines = []
    probed = made.probed
    if probed is not None:
        lines.append(f"service    {probed.place.origin} answers (status {probed.status})")
        lines += _metrics(made)
        if probed.listener is not None:
            lines.append(f"process    {probed.listener.command} (pid {probed.listener.pid})")
        elif probed.place.local:
            lines.append("process    none was found that listens there and can be seen")
    elif made.silent is not None:
        lines.append(f"service    {made.silent}")
    if made.document is not None:
        count = len(made.draft.tasks)
        lines.append(
            f"document   {made.document}, {count} {_plural('operation', made.draft.tasks)}"
        )
    if made.aside is not None:
        lines.append(f"document   left aside: {made.aside}")
    return lines


def _metrics(made: Made) -> list[str]:
    probed = made.probed
    if probed is None or probed.guess is None or probed.found is None:
        return ["metrics    none were found (/metrics)"]
    lines = [f"metrics    {probed.exposition}, {len(probed.found.infos)} metrics"]
    for role in ROLES:
        lines += _role(role, probed.guess)
    return lines


def _role(role: str, guess: Guess) -> list[str]:
    choices = [choice for choice in guess.choices if choice.role == role]
    if not choices:
        return [f"  {role:<11}not guessed: {guess.missing.get(role, 'nothing fits')}"]
    lines = []
    for at, choice in enumerate(choices[:_SHOWN]):
        lines.append(f"  {'' if at else role:<11}{choice.text}")
        lines.append(f"  {'':<13}{choice.reason}")
    if len(choices) > _SHOWN:
        lines.append(f"  {'':<11}and {len(choices) - _SHOWN} more")
    return lines


def _then(made: Made, output: Path) -> list[str]:
    lines = [f"left out   {text}" for text in made.draft.left_out]
    lines += [f"to do      {note}" for note in made.draft.notes[:_SHOWN]]
    more = len(made.draft.notes) - _SHOWN
    lines += [f"to do      {more} more, in the scenario"] if more > 0 else []
    names = made.draft.secrets()
    if names:
        lines.append("secrets    taken from the environment, set them first:")
        lines += [f"             export {name}=…" for name in names]
    target = made.found.target
    if target is not None and not made.found.named:
        lines.append(f"target     {target} is not this machine: load to it is refused until it is")
        lines.append(f"           named in {FILE}, [targets] allow")
    shown = shlex.quote(str(output))
    return [*lines, "", f"next       loadkit plan {shown}", f"then       loadkit run {shown}"]


def _plural(word: str, things: tuple[object, ...]) -> str:
    return word if len(things) == 1 else f"{word}s"
