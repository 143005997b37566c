"""Reads ``loadkit.toml`` and the environment. Whatever is not known is refused."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadkit.config.kinds import WrongValue, nearest
from loadkit.config.lines import line_of, lines_of
from loadkit.config.repeated import log, process, unique
from loadkit.config.shape import (
    FILE,
    LISTS,
    SECTIONS,
    Config,
    Tls,
    keys,
    kind_of,
    variable,
)
from loadkit.errors import UsageError

_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)")


def load_config(folder: Path, environment: Mapping[str, str] | None = None) -> Config:
    """The settings of ``loadkit.toml`` in a folder, with the environment laid over them.

    Args:
        folder: where the file is; relative paths in it start there. Without one defaults hold.
        environment: the process' own unless given.

    Raises:
        UsageError: the file is not TOML, or has a section, key or value that is not known; or a
            variable has a wrong value. The message names file and line, or the variable.
    """
    file = _File(folder)
    said = os.environ if environment is None else environment
    sections: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name, section in SECTIONS.items():
        sections[name] = _section(name, section, file, said, origins)
    for name, (field, section) in LISTS.items():
        sections[field] = _repeated(name, section, file, origins)
    return Config(**sections, origins=origins)


class _File:
    """The file's values, and where each stands."""

    def __init__(self, folder: Path) -> None:
        # Short paths stay short where that means the same.
        self.folder = Path() if folder.absolute() == Path.cwd() else folder
        self.values: dict[str, Any] = {}
        self._lines: Mapping[str, int] = {}
        try:
            text = (folder / FILE).read_text(encoding="utf-8-sig")  # as some editors save it
        except FileNotFoundError:
            return
        except UnicodeDecodeError:
            raise UsageError("is not UTF-8", where=FILE, remedy="Save it as UTF-8.") from None
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=FILE) from None
        try:
            self.values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise _not_toml(str(error), text) from None
        self._lines = lines_of(text.replace("\r\n", "\n"))
        for name in self.values:
            if name not in SECTIONS and name not in LISTS:
                raise self._no_section(name)

    def at(self, key: str) -> str:
        """``loadkit.toml:12``."""
        line = line_of(self._lines, key)
        return FILE if line is None else f"{FILE}:{line}"

    def keys_of(self, name: str, values: Any, section: type, at: str) -> dict[str, Any]:
        """A section's values, when all its keys are known."""
        if not isinstance(values, dict):
            shape = f"[[{name}]]" if name in LISTS else f"[{name}]"
            raise UsageError(
                f"{name} must be a section", where=self.at(at), remedy=f"Write {shape} above it."
            )
        known = [key.name for key in keys(section)]
        for key in values:
            if key not in known:
                raise UsageError(
                    f"{_shown(name)} {key} is not known",
                    where=self.at(f"{at}.{key}"),
                    remedy=_meant(key, known, f"{_shown(name)} knows"),
                )
        return values

    def value(self, name: str, at: str, key: Any, written: Any) -> Any:
        """What a key says."""
        try:
            value = kind_of(key).check(written, self.folder)
            if kind_of(key).name.endswith(("URL", "URLs")):
                _refuse_credentials(value)
        except WrongValue as error:
            raise UsageError(
                f"{_shown(name)} {key.name} {error}",
                where=self.at(f"{at}.{key.name}"),
                remedy=f"It is for: {key.metadata['help']}.",
            ) from None
        return value

    def _no_section(self, name: str) -> UsageError:
        known = [*SECTIONS, *LISTS]
        remedy = _meant(name, known, "It knows", brackets=True)
        what = f"section [{name}] is not known"
        if not isinstance(self.values[name], dict | list):
            what = f"{name} stands in no section"
            remedy = f"Write it below one of {', '.join(map(_shown, known))}."
        return UsageError(what, where=self.at(name), remedy=remedy)


def _section(
    name: str,
    section: type,
    file: _File,
    environment: Mapping[str, str],
    origins: dict[str, str],
) -> Any:
    written = file.keys_of(name, file.values.get(name, {}), section, name)
    values: dict[str, Any] = {}
    for key in keys(section):
        full = f"{name}.{key.name}"
        if key.name in written:
            values[key.name] = file.value(name, name, key, written[key.name])
            origins[full] = file.at(full)
        word = environment.get(variable(name, key.name), "")
        if kind_of(key).scalar and word.strip():
            values[key.name] = _of_variable(variable(name, key.name), key, word)
            origins[full] = f"environment {variable(name, key.name)}"
    made = section(**values)
    if isinstance(made, Tls):
        _agree(name, made, file)
    return made


def _repeated(name: str, section: type, file: _File, origins: dict[str, str]) -> tuple[Any, ...]:
    listed = file.values.get(name, [])
    if not isinstance(listed, list):
        raise UsageError(
            f"[{name}] must be repeatable", where=file.at(name), remedy=f"Write [[{name}]]."
        )
    made = []
    for number, entry in enumerate(listed):
        at = f"{name}.{number}"
        written = file.keys_of(name, entry, section, at)
        values = {}
        for key in keys(section):
            if key.name in written:
                values[key.name] = file.value(name, at, key, written[key.name])
                origins[f"{at}.{key.name}"] = file.at(f"{at}.{key.name}")
        finish = process if name == "process" else log
        made.append(finish(section(**values), set(values), file.at(at)))
    unique(made, name, [file.at(f"{name}.{number}") for number in range(len(made))])
    return tuple(made)


def _of_variable(name: str, key: Any, word: str) -> Any:
    kind = kind_of(key)
    try:
        # A path in a variable is the caller's, who stands in the folder of the call.
        return kind.of_text(word, Path())
    except WrongValue as error:
        raise UsageError(str(error), where=f"environment variable {name}",
                         remedy=f"It is for: {key.metadata['help']}.") from None  # fmt: skip


def _agree(name: str, section: Tls, file: _File) -> None:
    """Keys that only make sense together."""
    if section.key_file is not None and section.cert_file is None:
        raise UsageError(
            f"[{name}] key_file needs a cert_file", where=file.at(f"{name}.key_file"),
            remedy="Name the client certificate that belongs to the key.",
        )  # fmt: skip
    if not section.verify and section.ca_file is not None:
        raise UsageError(
            f"[{name}] verify = false makes ca_file useless",
            where=file.at(f"{name}.verify"),
            remedy="Leave verify out: with ca_file the certificate is checked against it.",
        )


def _refuse_credentials(value: str | Iterable[str]) -> None:
    for url in [value] if isinstance(value, str) else value:
        if "@" in urlsplit(url).netloc:
            raise WrongValue(
                "must carry no user and password: use headers, or the environment for the URL"
            )


def _not_toml(message: str, text: str) -> UsageError:
    found = _LINE.search(message)
    # Without a line it is "(at end of document)".
    line = int(found[1]) if found else max(1, len(text.rstrip().splitlines()))
    what = _LINE.sub("", message).replace(" (at end of document)", "")
    remedy = 'Texts stand in quotes: url = "http://127.0.0.1:8000".'
    if "twice" in what or "overwrite" in what or "mutate" in what:
        remedy = "A section or key stands once; [[process]] and [[log]] may be repeated."
    return UsageError(f"not valid TOML: {what}", where=f"{FILE}:{line}", remedy=remedy)


def _shown(section: str) -> str:
    return f"[[{section}]]" if section in LISTS else f"[{section}]"


def _meant(name: str, known: Iterable[str], intro: str, *, brackets: bool = False) -> str:
    known = list(known)
    near = nearest(name, known)
    show = _shown if brackets else str
    listed = f"{intro} {', '.join(show(word) for word in known)}."
    return f"Did you mean {show(near)}? {listed}" if near else listed
