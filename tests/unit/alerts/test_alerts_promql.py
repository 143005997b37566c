from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.alerts import promql
from loadkit.alerts.promql import Matcher, Selector
from loadkit.stack import timescale


@pytest.mark.parametrize(
    ("expression", "scaled"),
    [
        ("up == 0", "up == 0"),
        ("rate(x[5m])", "rate(x[20s])"),
        ("rate(x[10s])", "rate(x[667ms])"),
        ("rate(x[ 1h30m ])", "rate(x[ 360s ])"),
        ("max_over_time(rate(x[5m])[1h:5m])", "max_over_time(rate(x[20s])[240s:20s])"),
        ("max_over_time(up[1h:])", "max_over_time(up[240s:])"),
        ("x offset 5m", "x offset 20s"),
        ("x OFFSET 5m", "x OFFSET 20s"),
        ("x offset -5m", "x offset -20s"),
        ("x[5m] offset 1h > 5", "x[20s] offset 240s > 5"),
        ('x{a="b"} offset 30', 'x{a="b"} offset 2s'),
        ("x @ 100 offset 5m", "x @ 100 offset 20s"),
        ("rate(x[300])", "rate(x[20s])"),
        ("rate(x[0x1e])", "rate(x[2s])"),
        ("rate(x[1e999])", "rate(x[1e999])"),
        ("offset - 300", "offset - 300"),
        ("sum(offset) + 300 > offset", "sum(offset) + 300 > offset"),
        ("offset offset 5m", "offset offset 20s"),
        ('x{a="[5m] offset 5m"}[5m]', 'x{a="[5m] offset 5m"}[20s]'),
        ("x{a='it\\'s [5m]'}[5m]", "x{a='it\\'s [5m]'}[20s]"),
        ("x{a=`[5m]\\`}[5m]", "x{a=`[5m]\\`}[20s]"),
        ("x[5m] # not [5m]\n > 5", "x[20s] # not [5m]\n > 5"),
        ("rate_5m:x5m[5m] > 5e3", "rate_5m:x5m[20s] > 5e3"),
        ("time() - x > 300", "time() - x > 300"),
        ("predict_linear(x[1h], 4 * 3600) < 0", "predict_linear(x[240s], 4 * 3600) < 0"),
    ],
)
def test_only_lengths_of_time_are_divided(expression: str, scaled: str) -> None:
    assert promql.scale(expression, 15) == scaled


_TEXT = st.text(st.sampled_from(list("abc5m[]{}()#'\"`: offset\\\n1h")), max_size=30)


@given(_TEXT, st.sampled_from(["'", '"']))
def test_nothing_in_a_string_is_touched(text: str, quote: str) -> None:
    escaped = text.replace("\\", "\\\\").replace(quote, "\\" + quote).replace("\n", "\\n")
    string = f"{quote}{escaped}{quote}"
    assert promql.scale(f"x{{a={string}}}[5m]", 15) == f"x{{a={string}}}[20s]"
    assert promql.selectors(f"x{{a={string}}}") == (Selector("x", (Matcher("a", "=", text),)),)


@given(_TEXT)
def test_nothing_in_a_raw_string_or_a_comment_is_touched(text: str) -> None:
    raw = "`" + text.replace("`", "") + "`"
    assert promql.scale(f"x{{a={raw}}}[5m]", 15) == f"x{{a={raw}}}[20s]"
    comment = "#" + text.replace("\n", " ") + "\n"
    assert promql.scale(f"x[5m] {comment} offset 5m", 15) == f"x[20s] {comment} offset 20s"


@given(
    st.text(max_size=60) | st.text(st.sampled_from(list("[]{}()'\"`=~,:5ms1e09xoffset@-\\#\n ")))
)
def test_the_pieces_are_the_expression_to_the_letter(text: str) -> None:
    assert "".join(token.text for token in promql.tokens(text)) == text
    # Not even what is no PromQL at all makes it fail: saying so is promtool's business.
    promql.scale(text, 15)
    promql.selectors(text)


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 100))
def test_any_window_and_offset(window: int, offset: int, scale: int) -> None:
    spelt = f"rate(x[{window}ms] offset {offset}ms)"
    expected = (
        f"rate(x[{timescale.format_ms(timescale.scale_ms(window, scale))}] "
        f"offset {timescale.format_ms(timescale.scale_ms(offset, scale))})"
    )
    assert promql.scale(spelt, scale) == expected


def names(expression: str) -> list[str | None]:
    return [selector.metric for selector in promql.selectors(expression)]


@pytest.mark.parametrize(
    ("expression", "metrics"),
    [
        ("up", ["up"]),
        (
            "sum by (le, job) (rate(a_bucket[5m])) / ignoring (x) group_left (y) b",
            ["a_bucket", "b"],
        ),
        ("sum without (instance) (a) and on (job) b unless c", ["a", "b", "c"]),
        ("sum(a) by (job) > bool 5", ["a"]),
        ("slo:availability:ratio < 0.999 or vector(0)", ["slo:availability:ratio"]),
        ("histogram_quantile(0.95, sum by (le) (rate(h[5m] offset 1h))) > Inf", ["h"]),
        ('{__name__="a:b", job="x"} == NaN', ["a:b"]),
        ('{"quoted.metric", job="x"}', ["quoted.metric"]),
        ('{__name__=~"pg_.*"}', [None]),
        ("a # and b\n + c", ["a", "c"]),
    ],
)
def test_what_an_expression_asks_for(expression: str, metrics: list[str | None]) -> None:
    assert names(expression) == metrics


def test_conditions_are_read() -> None:
    (found,) = promql.selectors('x{job=~"a|b", code!="200", path!~`/x\\d`, y=\'z\',}')
    assert found.matchers == (
        Matcher("job", "=~", "a|b"),
        Matcher("code", "!=", "200"),
        Matcher("path", "!~", "/x\\d"),
        Matcher("y", "=", "z"),
    )


def test_patterns_are_anchored_as_in_prometheus() -> None:
    assert Matcher("job", "=~", "post.*").accepts("postgres")
    assert not Matcher("job", "=~", "post").accepts("postgres")
    assert Matcher("job", "!~", "post").accepts("postgres")
    assert Matcher("job", "=~", "[[:alpha:]]+").accepts("x1")  # cannot be read: not ours to say
    assert Matcher("job", "=~", r"\\pN(").accepts("x")


def test_functions_that_depend_on_the_scale_are_named() -> None:
    assert promql.window_sized("increase(x[5m]) > 5 and rate(time[5m]) > 1") == ("increase",)
    assert promql.window_sized("time() - x > 300") == ("time",)
