"""Words of memray into reasons, frames into names."""

from __future__ import annotations

import pytest

from loadkit.collect.attach import why
from loadkit.collect.memory_read import _Names


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("The given process ID does not exist.", "process 7 is not there"),
        ("The given process ID is owned by a different user.", "process 7 belongs to another user"),
        ("You most likely do not have permission to trace the process.",
         "process 7 may not be traced"),
        ("ModuleNotFoundError(\"No module named 'memray'\")", "process 7 cannot import memray"),
        ("memray installation of a different user\ncouldn't open the memray shared library",
         "process 7 cannot import memray"),
        ("The process does not seem to be running Python 3.7 or newer.",
         "process 7 is no Python that memray knows"),
        ("something\nelse at last\n", "memray said: else at last"),
        ("", "memray said: nothing"),
    ],
)  # fmt: skip
def test_what_memray_says_has_a_reason_and_a_remedy(said: str, what: str) -> None:
    reason, remedy = why(said, 7)
    assert reason == what
    assert remedy


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("/x/lib/python3.11/site-packages/fastapi/routing.py", "fastapi/routing.py"),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", "yaml/__init__.py"),
        ("/usr/lib/python3.11/asyncio/events.py", "asyncio/events.py"),
        ("/srv/shop/app/views.py", "app/views.py"),
        ("/srv/shop/main.py", "main.py"),
        ("/elsewhere/deep/down/x.py", "down/x.py"),
        ("<string>", "<string>"),
    ],
)
def test_paths_do_not_depend_on_where_things_are_installed(file: str, shown: str) -> None:
    names = _Names(("/srv/shop",))
    assert names.frame(("a;b", file, 3)) == f"a,b ({shown}:3)"
