"""Lines of keys, held against files that are written in awkward ways."""

from __future__ import annotations

from loadkit.config.lines import line_of, lines_of

AWKWARD = '''\
# [commented]
top = 1
[a]
x = """
[not.a.section]
y = 2
"""   # "quoted" in a comment
y = [
  "]", # ] [
  { z = 1 },
]
"quoted key" = 'lit # no comment'
b.c = 1
d = { e = 1, f = "}" }
  [ a . sub ]
  k = \'\'\'
k = 3\'\'\'
[[list]]
n = 1
[[list]]

n = 2
[list.inner]
m = "\\"["
'''


def test_awkward_ways_of_writing() -> None:
    lines = lines_of(AWKWARD)
    numbered = {key: AWKWARD.splitlines()[number - 1] for key, number in lines.items()}
    assert numbered["a"] == "[a]"
    assert numbered["a.y"] == "y = ["
    assert numbered["a.quoted key"].startswith('"quoted key"')
    assert numbered["a.b.c"] == numbered["a.b"] == "b.c = 1"
    assert numbered["a.sub.k"].startswith("  k = ")
    assert lines["list.0.n"] == 19
    assert lines["list.1.n"] == 22
    assert "not" not in lines
    assert "a.z" not in lines
    assert lines["list.inner.m"] == 24


def test_what_has_no_line_of_its_own_stands_where_it_begins() -> None:
    lines = lines_of(AWKWARD)
    assert line_of(lines, "a.d.e") == lines["a.d"]
    assert line_of(lines, "nobody") is None
