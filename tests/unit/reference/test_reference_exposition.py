"""The page of the service's own families, beside the one the client library makes."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from loadkit.reference.exposition import Family
from loadkit.reference.metrics import SECONDS, TOKENS

LABELS = ("path", "status")
VALUES = st.floats(0, 2e6) | st.sampled_from([*SECONDS, *TOKENS])


def parsed(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], tuple[str, float]]:
    return {
        (sample.name, frozenset(sample.labels.items())): (family.type, sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def ours(family: Family) -> str:
    return "".join(family.lines())


@given(
    st.dictionaries(st.tuples(st.text(), st.text()), st.lists(VALUES), max_size=5),
    st.sampled_from([SECONDS, TOKENS]),
)
def test_a_histogram_is_that_of_the_library(
    observed: dict[tuple[str, str], list[float]], bounds: Sequence[float]
) -> None:
    registry = CollectorRegistry()
    library = Histogram("took", "how long", LABELS, buckets=bounds, registry=registry)
    family = Family("took", "how long", LABELS, bounds)
    for labels, values in observed.items():
        child, other = family.child(*labels), library.labels(*labels)
        for value in values:
            child.observe(value)
            other.observe(value)
    assert parsed(ours(family)) == parsed(generate_latest(registry).decode())


@given(st.dictionaries(st.tuples(st.text(), st.text()), st.integers(0, 50), max_size=5))
def test_a_counter_is_that_of_the_library(counts: dict[tuple[str, str], int]) -> None:
    registry = CollectorRegistry()
    library = Counter("sent_total", "how many", LABELS, registry=registry)
    family = Family("sent_total", "how many", LABELS, ())
    for labels, count in counts.items():
        child, other = family.child(*labels), library.labels(*labels)
        for _ in range(count):
            child.inc()
            other.inc()
    expected = parsed(generate_latest(registry).decode())
    found = parsed(ours(family))
    assert {key: value for key, (_, value) in found.items()} == {
        key: value for key, (_, value) in expected.items()
    }
    assert {kind for kind, _ in found.values()} <= {"counter"}
