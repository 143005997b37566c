"""py-spy's output, as it was seen."""

from __future__ import annotations

import pytest

from loadkit.collect.stacks import Stack, counts, parse, why

RAW = """\
_run_module_as_main (<frozen runpy>:198);_run_code (<frozen runpy>:88);main (app.py:3) 7
Thread._bootstrap (threading.py:1002);burn (spin.py:3) 30
<module> (spin.py:7);main (spin.py:6) 5
APIRoute.handle (fastapi/routing.py:1374) 3
<module> (spin.py:7);main (spin.py:6) 2
not a stack
"""


def test_stacks_are_added_up_and_cut_ones_marked() -> None:
    found = parse(RAW.splitlines(keepends=True))
    assert [(stack.count, stack.rooted) for stack in found] == [
        (30, True),
        (7, True),
        (7, True),
        (3, False),
    ]
    assert found[3].frames == "APIRoute.handle (fastapi/routing.py:1374)"


def test_program_with_another_start() -> None:
    lines = ["application (wsgi.py:1);work (a.py:2) 9", "work (a.py:2) 1"]
    assert parse(lines) == [
        Stack("application (wsgi.py:1);work (a.py:2)", 9, True),
        Stack("work (a.py:2)", 1, False),
    ]


def test_nothing_recorded() -> None:
    assert parse([]) == []


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
