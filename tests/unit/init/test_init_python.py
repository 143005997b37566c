"""Text that is written: formatted as ruff does, and nothing foreign leaves its place."""

from __future__ import annotations

import ast
import json
import tokenize
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from init_helpers import refused

from loadkit.init import python, scenario
from loadkit.init.draft import Body, Call, Draft, Field, Joined, Keep, Secret, Task

HOSTILE = (
    '"""', "'''", '"', "'", "\\", '\\"', "\\'", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c",
    "\x85", "\u2028", "\u2029", "\x00", "\x7f", "\u202e", "\ud800", "{", "}", "{self}", "{{",
    "# noqa", "fmt: off", "type: ignore", "\nimport os\n", '"); import os; ("', "\\N{BULLET}",
    "日本語", "🙂", "é", " ", "", "a" * 100, "`", "$(id)", "%s", "\t", "-*- coding: utf-7 -*-",
)  # fmt: skip

texts = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12)), max_size=6).map("".join)
atoms = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts
)
values = st.recursive(
    atoms,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(values, st.integers(0, 40), st.integers(0, 60))
def test_a_literal_is_the_value(value: Any, indent: int, before: int) -> None:
    text = python.literal(value, indent, before)
    assert ast.literal_eval(text) == value
    assert text.isascii() or text.replace("\n", "").isprintable()


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, max_size=4))
def test_a_joined_text_is_its_parts(parts: list[str]) -> None:
    with_secret = [piece for part in parts for piece in (part, Secret("NAME"))]
    text = python.atom(Joined(tuple(with_secret)))
    assert eval(text, {"NAME": "<n>"}) == "".join(f"{part}<n>" for part in parts)


@settings(max_examples=60, deadline=None)
@given(texts, st.integers(0, 8))
def test_a_comment_stays_one(text: str, indent: int) -> None:
    lines = python.comment(text, indent)
    code = "\n".join(lines) + "\nx = 1\n"
    kinds = {token.type for token in tokenize.generate_tokens(StringIO(code.lstrip(" ")).readline)}
    assert all(line.strip().startswith("#") for line in lines)
    assert ast.unparse(ast.parse(code)) == "x = 1"
    assert tokenize.ERRORTOKEN not in kinds
    assert len(lines) <= 3


def _hostile_draft(names: list[str], value: Any, keys: tuple[str, ...] = ()) -> Draft:
    first, *_ = names
    call = Call(
        method="POST",
        path=Joined(("/x/", Field("item"), "/", first)),
        name="".join(names),
        params=dict.fromkeys(names, first),
        headers={**dict.fromkeys(names, Secret("TOKEN")), "b": Joined((first, Secret("TOKEN")))},
        cookies=dict.fromkeys(names, first),
        auth=(Secret("USER_NAME"), first),
        body=Body("json", value),
        wait_s=0.25,
        keeps=(Keep("item", (first[:2], *keys)),),
    )
    plain = Call("GET", f"/{first}", name=first, expect=404, follow=False)
    task = Task("one", (call, plain), tuple(names))
    return Draft(first, "http://127.0.0.1:1" + first, (task,), notes=tuple(names), closed=True,
                 headers=dict.fromkeys(names, first))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, min_size=1, max_size=3), values)
def test_nothing_foreign_leaves_its_string_or_comment(names: list[str], value: Any) -> None:
    """Whatever the names are, the file has the same statements."""
    text = scenario.text(_hostile_draft(names, {"": value}), "first.py")
    plain = {name: f"x{at}" for at, name in enumerate(dict.fromkeys(names))}
    harmless = _hostile_draft([plain[name] for name in names], {"": 0})
    shape = scenario.text(harmless, "first.py")
    assert _shape(text) == _shape(shape)


def _shape(text: str) -> list[str]:
    """Statements of a file, one after the other, without what is in literals."""
    tree = ast.parse(text)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            found.append(type(node).__name__)
        elif isinstance(node, ast.Name):
            found.append(node.id)
        elif isinstance(node, ast.Attribute):
            found.append(f".{node.attr}")
    return sorted(found)


# One file of many functions: a run of ruff for each example would take minutes.
_many = st.lists(st.tuples(texts, texts, values), min_size=30, max_size=30)


@settings(max_examples=6, deadline=None)
@given(cases=_many)
def test_ruff_has_nothing_to_say(
    tmp_path_factory: pytest.TempPathFactory, cases: list[tuple[str, str, Any]]
) -> None:
    parts = []
    for name, text, value in cases:
        lines = python.comment(text)
        arguments = [
            (None, name),
            ("json", value),
            ("headers", {name: Joined((text, Secret("N")))}),
        ]
        parts += ["", *lines] if lines else [""]
        parts += python.call("call", arguments, 0).split("\n")
        parts += python.call("call", [(None, text)], 0, head="x = ").split("\n")
    file = tmp_path_factory.mktemp("ruff") / "written.py"
    code = '"""Written."""\n\nfrom shop import N, call\n' + "\n".join(parts) + "\n\nprint(x)\n"
    file.write_text(code, encoding="utf-8", errors="strict")
    assert refused(file) == ""


def test_a_whole_file_is_as_ruff_wants_it(tmp_path: Path) -> None:
    file = tmp_path / "first.py"
    names = ['a"b', "c'd", "e\nf", "日本語" * 20, "x" * 90]
    value = {"k": [1.5e300, -0.0, 10**30, "long " * 30, {"a": {"b": ["c" * 80]}}], "e": {}, "l": []}
    file.write_text(
        scenario.text(_hostile_draft(names, value, tuple(names)), "first.py"), encoding="utf-8"
    )
    assert refused(file) == ""


@pytest.mark.parametrize("length", [30, 75, 76, 77, 78, 79, 80, 81, 82, 83, 120])
def test_a_long_host_is_as_ruff_wants_it(tmp_path: Path, length: int) -> None:
    host = "http://" + "h" * (length - 7)
    written = scenario.text(Draft("x", host, (Task("one", (Call("GET", "/"),)),)), "first.py")
    (tmp_path / "first.py").write_text(written, encoding="utf-8")
    assert refused(tmp_path / "first.py") == ""


@pytest.mark.parametrize("value", [object(), {1, 2}, b"x".__iter__()])
def test_what_has_no_literal_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        python.atom(value)


def test_bytes_have_a_literal() -> None:
    every = bytes(range(256))
    assert ast.literal_eval(python.atom(every)) == every


def test_what_fits_is_on_one_line_and_what_does_not_has_a_line_each() -> None:
    assert python.call("f", [(None, 1), ("json", {"a": [1, 2]})], 4) == (
        '    f(1, json={"a": [1, 2]})'
    )
    long = {"a": "x" * 60, "b": [1, 2]}
    assert python.call("f", [("json", long)], 0) == "\n".join(
        ["f(", "    json={", f'        "a": "{"x" * 60}",', '        "b": [1, 2],', "    },", ")"]
    )
    assert json.dumps(long)
