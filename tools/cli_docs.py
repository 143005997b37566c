"""Writes docs/cli.md, every command with its options, from the parsers themselves.

With ``--check`` nothing is written; exit status 1 says that the page is out of date.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from loadkit.cli import make_parser

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"

_HEAD = """# Commands

Written by `make docs` from the commands' own parsers. `loadkit COMMAND --help` says the same in a
terminal; [exit-statuses.md](exit-statuses.md) has what the exit status means.
"""


def page() -> str:
    """The page, in Markdown."""
    parser = make_parser()
    sections = [
        "\n".join(_section(f"loadkit {name}", command))
        for name, command in _commands(parser).items()
    ]
    return "\n".join([_HEAD, *sections])


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _section(name: str, parser: argparse.ArgumentParser, level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} {name}"
    yield ""
    if parser.description:
        yield f"{_sentence(parser.description)}"
        yield ""
    inner = _commands(parser)
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if _visible(action)]
        if not shown:
            continue
        if group.title not in ("options", "positional arguments"):
            yield f"**{_sentence(str(group.title), '')}**"
            yield ""
        yield "| option | |"
        yield "|---|---|"
        for action in shown:
            yield f"| {_names(action)} | {_help(action)} |"
        yield ""
    if parser.epilog:
        yield parser.epilog.replace("\n", " ")
        yield ""
    for word, command in inner.items():
        yield from _section(f"{name} {word}", command, level + 1)


def _visible(action: argparse.Action) -> bool:
    hidden = isinstance(action, (argparse._HelpAction, argparse._SubParsersAction))
    return action.help != argparse.SUPPRESS and not hidden


def _names(action: argparse.Action) -> str:
    value = action.metavar
    if value is None and action.choices is not None:
        value = "|".join(str(choice) for choice in action.choices)
    if isinstance(value, tuple):
        value = " ".join(value)
    if not action.option_strings:
        return _code(str(value or action.dest.upper()))
    if action.nargs == 0:
        return ", ".join(_code(option) for option in action.option_strings)
    value = value or action.dest.upper().replace("_", "-")
    *short, last = action.option_strings
    return ", ".join([*(_code(option) for option in short), _code(f"{last} {value}")])


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % {"default": action.default, "prog": "loadkit"}
    repeated = isinstance(action, argparse._AppendAction) and "repeat" not in text
    default = action.default
    said = isinstance(default, (int, float)) and not isinstance(default, bool)
    if said and "default" not in text:
        text += f" (default {default:g})"
    elif isinstance(default, str) and default != argparse.SUPPRESS and "default" not in text:
        text += f" (default {default})"
    return _cell(text + ("; may be repeated" if repeated else ""))


def _sentence(text: str, end: str = ".") -> str:
    return text[:1].upper() + text[1:].rstrip(".") + end


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;") if "`" not in text else text


def main() -> int:
    """Writes or checks the page; the exit status."""
    parser = argparse.ArgumentParser(description="Write docs/cli.md from the parsers.")
    parser.add_argument("--check", action="store_true", help="write nothing; 1: out of date")
    wanted = page()
    if parser.parse_args().check:
        return int(not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
