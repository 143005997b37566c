from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import pytest

from loadkit.errors import StackError
from loadkit.stack.components import Died, Stack, Started
from loadkit.stack.process import ManagedProcess


class FakeProcess:
    def __init__(self) -> None:
        self.died: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def tail(self) -> str:
        return "last words"


class FakePart:
    endpoints: Mapping[str, str] = {}

    def __init__(
        self, name: str, diary: list[str], *needs: str, fails: str = "", slow: float = 0.0
    ) -> None:
        self.name = name
        self.title = name.upper()
        self.needs = needs
        self._diary = diary
        self._fails = fails
        self._slow = slow
        self.fake: FakeProcess | None = None

    @property
    def process(self) -> ManagedProcess:
        return cast(ManagedProcess, self.fake)

    async def start(self) -> None:
        self._diary.append(f"start {self.name}")
        self.fake = FakeProcess()
        await asyncio.sleep(self._slow)
        if self._fails == "start":
            raise StackError(f"{self.name} did not start")
        self._diary.append(f"up {self.name}")

    async def healthy(self) -> bool:
        return True

    async def stop(self) -> None:
        self._diary.append(f"stop {self.name}")
        if self._fails == "stop":
            raise StackError(f"{self.name} did not stop")


def ignore(_: object) -> None:
    return None


def test_needs_come_first_and_the_last_started_stops_first() -> None:
    diary: list[str] = []
    started: list[Started] = []

    async def run() -> None:
        parts = [FakePart("b", diary, "a"), FakePart("a", diary), FakePart("c", diary, "a", "b")]
        async with Stack(parts, started.append, ignore):
            diary.append("work")

    asyncio.run(run())
    up = ["start a", "up a", "start b", "up b", "start c", "up c"]
    assert diary == [*up, "work", "stop c", "stop b", "stop a"]
    assert [(s.name, s.title) for s in started] == [("a", "A"), ("b", "B"), ("c", "C")]
    assert all(0 <= s.seconds < 5 for s in started)


def test_independent_parts_start_together() -> None:
    diary: list[str] = []

    async def run() -> None:
        async with Stack([FakePart("a", diary, slow=0.01), FakePart("b", diary)], ignore, ignore):
            pass

    asyncio.run(run())
    assert diary[:4] == ["start a", "start b", "up b", "up a"]


def test_a_failed_start_stops_the_others_and_is_told() -> None:
    diary: list[str] = []

    async def run() -> None:
        parts = [
            FakePart("a", diary),
            FakePart("b", diary, "a", fails="start"),
            FakePart("slow", diary, "a", slow=30),
            FakePart("never", diary, "b"),
        ]
        async with Stack(parts, ignore, ignore):
            raise AssertionError("must not get here")

    with pytest.raises(StackError, match="b did not start"):
        asyncio.run(run())
    assert {"stop a", "stop b", "stop slow"} < set(diary)
    assert "start never" not in diary
    assert "up slow" not in diary


def test_an_error_inside_and_a_failing_stop_leave_nothing_running() -> None:
    diary: list[str] = []

    async def run() -> None:
        parts = [FakePart("a", diary), FakePart("b", diary, "a", fails="stop")]
        async with Stack(parts, ignore, ignore):
            raise KeyError("boom")

    with pytest.raises(StackError, match="b did not stop"):
        asyncio.run(run())
    assert diary[-1] == "stop a"


def test_a_death_is_told_and_the_rest_lives_on() -> None:
    diary: list[str] = []
    deaths: list[Died] = []

    async def run() -> None:
        part, other = FakePart("a", diary), FakePart("b", diary)
        async with Stack([part, other], ignore, deaths.append):
            assert part.fake is not None
            part.fake.died.set_result(-9)
            await asyncio.sleep(0.01)
            assert [d.name for d in deaths] == ["a"]
            assert "stop b" not in diary

    asyncio.run(run())
    assert (deaths[0].status, deaths[0].title, deaths[0].last_words) == (-9, "A", "last words")
    assert len(deaths) == 1


@pytest.mark.parametrize(
    ("needs", "message"),
    [(("missing",), "A needs missing, which is not there"), (("a",), "A waits for itself")],
)
def test_needs_that_cannot_be_met_are_refused(needs: tuple[str, ...], message: str) -> None:
    with pytest.raises(StackError, match=message):
        Stack([FakePart("a", [], *needs)], ignore, ignore)
