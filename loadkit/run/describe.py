"""Learns what a scenario file holds, by asking a load child: the supervisor never imports one."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadkit.config import Secret
from loadkit.errors import LoadError, ScenarioError
from loadkit.model import Scenario
from loadkit.scenario import codec
from loadkit.scrub import keep_out

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Description:
    """A scenario file as the load child sees it.

    ``scenario`` is None for a plain locustfile; ``host`` is one that a user class names;
    ``shape`` says whether there is a LoadTestShape.
    """

    scenario: Scenario | None
    users: tuple[dict[str, Any], ...]
    shape: bool

    @property
    def hosts(self) -> tuple[str, ...]:
        """Hosts that user classes name, each once."""
        return tuple(dict.fromkeys(user["host"] for user in self.users if user.get("host")))


async def describe(file: Path, locust_args: Sequence[str]) -> Description:
    """Imports the file in a process of its own and tells what is in it.

    Raises:
        ScenarioError: the file is missing, broken, has no users, its scenario is wrong, or an
            option is neither Locust's nor the file's own.
        LoadError: the process died without an answer.
    """
    if not file.is_file():
        raise ScenarioError(
            "no such scenario file" if not file.exists() else "not a file",
            where=str(file),
            remedy="Give the path of a Locust file, for example scenarios/peak.py.",
        )
    answer = await _ask(file, locust_args)
    if not answer.get("ok"):
        error = answer["error"]
        raise ScenarioError(error["what"], where=error["where"], remedy=error["remedy"])
    for source in answer.get("secrets", ()):
        keep_out(Secret(source).reveal())  # what the file prints passes through here
    scenario = answer["scenario"]
    return Description(
        scenario=None if scenario is None else codec.from_dict(scenario),
        users=tuple(answer["users"]),
        shape=bool(answer["shape"]),
    )


async def _ask(file: Path, locust_args: Sequence[str]) -> dict[str, Any]:
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "loadkit.load", "describe", str(file), "--out-fd", str(writer)]
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--",
            *locust_args,
            stdout=2,
            pass_fds=(writer,),
            stdin=asyncio.subprocess.DEVNULL,
        )
    finally:
        os.close(writer)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            text = await asyncio.to_thread(_read_all, reader)
            await process.wait()
    except TimeoutError:
        raise ScenarioError(
            f"importing the file took more than {_PATIENCE_S:g} s", where=str(file)
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        answer = json.loads(text)
    except ValueError:
        raise LoadError(
            f"the load child ended with status {process.returncode} and said nothing",
            where=str(file),
            remedy="Its own output is above.",
        ) from None
    assert isinstance(answer, dict)
    return answer


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as pipe:
        return pipe.read()
