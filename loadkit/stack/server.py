"""What all servers of a stack have in common: a port that may be lost, a health page, an end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadkit.errors import StackError
from loadkit.stack.binaries import Binary
from loadkit.stack.freeports import LOOPBACK, free_port, listening
from loadkit.stack.http import answers
from loadkit.stack.process import ManagedProcess

_ATTEMPTS = 3
_PORT_TAKEN = "address already in use"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server of one run lives: the run's id and a folder of the server's own."""

    run_id: str
    directory: Path

    def make(self) -> Path:
        """The folder, made when it is missing.

        Raises:
            StackError: it cannot be made.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(
                f"the folder cannot be made: {error.strerror}", where=str(self.directory)
            ) from error
        return self.directory


class Server(ABC):
    """A program that listens on one port of loopback and answers on a health page.

    A port that somebody else took between choosing and binding is replaced by another.
    """

    name: str
    title: str
    needs: tuple[str, ...] = ()
    health_path: str
    deadline_s: float = 20.0
    grace_s: float = 5.0

    def __init__(self, place: Place, binary: Binary) -> None:
        self.place = place
        self.binary = binary
        self._process: ManagedProcess | None = None
        self._port = 0

    @property
    def working_directory(self) -> Path:
        """Where it is started: some unpacked programs look for their files from there."""
        return self.binary.directory or self.place.directory

    @property
    def output(self) -> Path:
        """The file with everything the program printed."""
        return self.place.directory / "output.log"

    @property
    def process(self) -> ManagedProcess:
        """See Component."""
        if self._process is None:
            raise StackError(f"{self.title} was not started")
        return self._process

    @property
    def port(self) -> int:
        """The port it listens on; 0 before the start."""
        return self._port

    @property
    def endpoints(self) -> Mapping[str, str]:
        """See Component."""
        return {self.name: f"http://{LOOPBACK}:{self._port}"} if self._port else {}

    @abstractmethod
    def prepare(self, port: int) -> Sequence[str]:
        """Writes what it reads and returns its arguments for listening on that port."""

    def choose_port(self) -> int:
        """A port to try. Tests choose one that is taken."""
        return free_port()

    async def start(self) -> None:
        """See Component."""
        self.place.make()
        for attempt in range(1, _ATTEMPTS + 1):
            port = self.choose_port()
            arguments = self._prepared(port)
            self._process = ManagedProcess(
                self.title,
                [str(self.binary.path), *arguments],
                run_id=self.place.run_id,
                output=self.output,
                directory=self.working_directory,
            )
            await self._process.start()
            self._port = port
            try:
                await self._process.until(self.healthy, deadline_s=self.deadline_s)
                return
            except StackError:
                lost = _PORT_TAKEN in self._process.tail()
                await self._process.stop(self.grace_s)
                if not lost or attempt == _ATTEMPTS:
                    raise

    def _prepared(self, port: int) -> Sequence[str]:
        try:
            return self.prepare(port)
        except OSError as error:
            raise StackError(
                f"{self.title}: its configuration cannot be written: {error.strerror}",
                where=str(self.place.directory),
            ) from error

    async def healthy(self) -> bool:
        """See Component. Another server that took the port does not pass for this one."""
        if not self.process.running:
            return False
        if (LOOPBACK, self._port) not in listening(self.process.pid):
            return False
        return await answers(self._port, self.health_path)

    async def stop(self) -> None:
        """See Component."""
        if self._process is not None and self._process.has_started:
            await self._process.stop(self.grace_s)
