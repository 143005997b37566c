"""py-spy's output, as it was seen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadkit.collect.stacks import (
    GIL,
    IDLE,
    RUNNING,
    Sight,
    Stack,
    counts,
    parse_dump,
    parse_raw,
    stacks,
    why,
)

RAW = """\
thread (7): MainThread;_run_module_as_main (<frozen runpy>:198);main (app.py:3) 7
thread (8): spin-er: 1;Thread._bootstrap (threading.py:1002);burn (spin.py:3) 30
thread (7): MainThread;<module> (spin.py:7);main (spin.py:6) 5
thread (9);APIRoute.handle (fastapi/routing.py:1374) 3
thread (7): MainThread;<module> (spin.py:7);main (spin.py:6) 2
not a stack
"""
BURN = "Thread._bootstrap (threading.py:1002);burn (spin.py:3)"


def test_stacks_of_a_recording_know_their_thread_and_cut_ones_are_marked() -> None:
    found = stacks(parse_raw(RAW.splitlines(keepends=True), 4))
    assert [(stack.count, stack.rooted, stack.sight.thread) for stack in found] == [
        (30, True, "spin-er: 1 (8)"),
        (7, True, "MainThread (7)"),
        (7, True, "MainThread (7)"),
        (3, False, "thread 9"),
    ]
    assert found[0].sight == Sight(4, "spin-er: 1 (8)", GIL, BURN)
    assert found[3].sight.frames == "APIRoute.handle (fastapi/routing.py:1374)"


def test_stacks_without_a_thread_in_front() -> None:
    (found,) = parse_raw([f"{BURN} 3\n"], 0)
    assert (found.thread, found.frames) == (None, BURN)


def test_program_with_another_start() -> None:
    lines = ["application (wsgi.py:1);work (a.py:2) 9", "work (a.py:2) 1"]
    assert stacks(parse_raw(lines, 0)) == [
        Stack(Sight(0, None, GIL, "application (wsgi.py:1);work (a.py:2)"), 9, True),
        Stack(Sight(0, None, GIL, "work (a.py:2)"), 1, False),
    ]


def test_nothing_recorded() -> None:
    assert stacks(parse_raw([], 0)) == []


def _thread(number: int, *, gil: bool, active: bool, frames: int = 2) -> dict[str, Any]:
    names = [("burn", "spin.py", 3), ("Thread._bootstrap", "threading.py", 1002)][:frames]
    return {
        "os_thread_id": number,
        "thread_name": f"t{number}",
        "owns_gil": gil,
        "active": active,
        "frames": [{"name": n, "short_filename": f, "line": line} for n, f, line in names],
    }


def test_a_look_tells_the_state_of_every_thread() -> None:
    told = [
        _thread(1, gil=True, active=True),
        _thread(2, gil=False, active=True),
        _thread(3, gil=False, active=False),
        # It has the lock and was pushed off its CPU: nobody else runs Python meanwhile.
        _thread(4, gil=True, active=False),
        _thread(5, gil=False, active=False, frames=0),
    ]
    found = parse_dump(json.dumps(told), 2)
    assert found is not None
    assert {sight.thread: sight.state for sight in found} == {
        "t1 (1)": GIL,
        "t2 (2)": RUNNING,
        "t3 (3)": IDLE,
        "t4 (4)": GIL,
    }
    assert {sight.frames for sight in found} == {BURN}


@pytest.mark.parametrize("text", ["", "Error: no", "[1]", '[{"frames": [1]}]', "{"])
def test_what_is_no_dump_is_none(text: str) -> None:
    assert parse_dump(text, 0) is None


def test_counts() -> None:
    said = "py-spy> Wrote raw flamegraph data to 'f'. Samples: 482 Errors: 114\n"
    assert counts(said) == (482, 114)
    assert counts("nothing") is None


@pytest.mark.parametrize(
    ("said", "what", "remedy"),
    [
        ("Error: Permission denied (os error 13)", "may not be sampled", "ptrace_scope"),
        ("0: No such file or directory (os error 2)", "is not there", "running process"),
        ("Error: Failed to find python version from target process", "no Python", "interpreter"),
        ("Error: odd\n\nStack backtrace:\n 0: x::root", "said: Error: odd", "--help"),
        ("", "said: nothing", "--help"),
    ],
)
def test_why(said: str, what: str, remedy: str) -> None:
    told = why(said, 42)
    assert what in told[0]
    assert remedy in told[1]
