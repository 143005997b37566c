"""Learns what a scenario file holds, by asking a load child: the supervisor never imports one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

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


class Asked:
    """A load child that imports the file from when this is made, while others do other work.

    A context manager: at its end the child is gone, whatever came of it.

    Args:
        file: the scenario file or locustfile.
        locust_args: options for Locust and for the file's own parser.

    Raises:
        ScenarioError: there is no such file.
    """

    def __init__(self, file: Path, locust_args: Sequence[str]) -> None:
        if not file.is_file():
            raise ScenarioError(
                "no such scenario file" if not file.exists() else "not a file",
                where=str(file),
                remedy="Give the path of a Locust file, for example scenarios/peak.py.",
            )
        self._file = file
        reader, writer = os.pipe()
        self._pipe = os.fdopen(reader, "rb")
        command = [sys.executable, "-m", "loadkit.load", "describe", str(file)]
        try:
            self._child = subprocess.Popen(
                [*command, "--out-fd", str(writer), "--", *locust_args],
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=(writer,),
            )
        finally:
            os.close(writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()

    async def answer(self) -> Description:
        """What is in the file.

        Raises:
            ScenarioError: it is broken, has no users, its scenario is wrong, importing it takes
                too long, or an option is neither Locust's nor the file's own.
            LoadError: the child died without an answer.
        """
        answer = await self._answer()
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

    async def _answer(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                text = await asyncio.to_thread(self._pipe.read)
                await asyncio.to_thread(self._child.wait)
        except TimeoutError:
            raise ScenarioError(
                f"importing the file took more than {_PATIENCE_S:g} s", where=str(self._file)
            ) from None
        finally:
            self._end()  # or the thread that reads would be waited for
        try:
            answer = json.loads(text)
        except ValueError:
            raise LoadError(
                f"the load child ended with status {self._child.returncode} and said nothing",
                where=str(self._file),
                remedy="Its own output is above.",
            ) from None
        assert isinstance(answer, dict)
        return answer

    def _end(self) -> None:
        self._child.kill()
        self._child.wait()
        self._pipe.close()
