"""Profiles in slices: threads and their states, and peak against base."""

from __future__ import annotations

import pytest
from analyse_run import Book, mono, stage

from loadkit.analyse import analyse
from loadkit.analyse.profile_difference import NO_SLICES
from loadkit.analyse.profile_result import APPEARED, CHANGED, VANISHED, ProfileDifference
from loadkit.analyse.stacks import kind_of

MAIN, SERVE, BURN, OLD = "main (a.py:1)", "serve (a.py:5)", "burn (b.py:2)", "old (c.py:9)"
THREAD = "MainThread (7)"


def _book() -> Book:
    book = Book(
        stage("base", 0, 10, 5.0), stage("base-profile", 10, 10, 5.0),
        stage("peak", 20, 10, 20.0), stage("peak-profile", 30, 10, 20.0),
    )  # fmt: skip
    book.steady(0, 40, 5, 0.01)
    return book


def _profile(
    book: Book,
    stage: str,
    held: list[dict[str, int]],
    looks: list[dict[tuple[str, str, str], int]] | None = None,
    process: str = "service",
) -> None:
    """Slices of samples with the lock (stack → count), each followed by one of looks."""
    samples = sum(sum(one.values()) for one in held)
    key = {"stage": stage, "process": process}
    book.rows["profile_runs"].append(
        key | {"samples": samples, "errors": 0, "rate_hz": 100, "blocking": True,
               "mono_ns": mono(10), "file": f"profiles/{stage}.txt"}
    )  # fmt: skip
    slices: list[tuple[str, dict[tuple[str, str, str], int]]] = []
    for number, one in enumerate(held):
        slices.append(("gil", {(THREAD, "running_gil", s): n for s, n in one.items()}))
        if looks:
            slices.append(("states", looks[number]))
    for number, (kind, seen) in enumerate(slices):
        book.rows["profile_slices"].append(
            key | {"slice": number, "kind": kind, "duration_s": 1.0, "errors": 0,
                   "samples": sum(seen.values()) if kind == "gil" else 10, "mono_ns": mono(10)}
        )  # fmt: skip
        for (thread, state, stack), count in seen.items():
            book.rows["profiles"].append(
                key | {"stack": stack, "count": count, "rooted": True, "thread": thread,
                       "state": state, "slice": number}
            )  # fmt: skip


def _burning() -> ProfileDifference:
    book = _book()
    serve, old, burn = f"{MAIN};{SERVE}", f"{MAIN};{OLD}", f"{MAIN};{SERVE};{BURN}"
    _profile(book, "base-profile", [{serve: 14 + n % 3, old: 5, MAIN: 1} for n in range(8)])
    _profile(book, "peak-profile", [{serve: 29, burn: 50 - n % 4, MAIN: 5} for n in range(8)])
    (difference,) = analyse(book.run()).profile_differences
    return difference


def test_the_function_that_burns_comes_first_and_clearly() -> None:
    difference = _burning()
    burn, *others = difference.changes
    assert (burn.function, burn.kind, burn.clear) == ("burn (b.py)", APPEARED, True)
    samples = 8 * 34 + sum(50 - n % 4 for n in range(8))
    assert burn.base_self == 0
    assert burn.peak_self == pytest.approx(388 / samples)
    assert burn.itself.value == burn.total.value == pytest.approx(388 / samples)
    assert burn.itself.low is not None and burn.itself.high is not None
    assert 0.4 < burn.itself.low < burn.itself.value < burn.itself.high < 0.65
    kinds = {change.function: change.kind for change in others}
    assert kinds == {"serve (a.py)": CHANGED, "main (a.py)": CHANGED, "old (c.py)": VANISHED}
    assert [change.function for change in difference.of(VANISHED)] == ["old (c.py)"]
    serve = next(change for change in others if change.function == "serve (a.py)")
    assert serve.itself.value < -0.3 and serve.total.value > 0.1
    assert (difference.base_slices, difference.peak_slices, difference.compared) == (8, 8, 4)
    assert (difference.peak_samples, difference.note) == (samples, None)


def test_the_tree_of_the_difference_holds_both_sides() -> None:
    flame = _burning().flame
    assert (flame.name, flame.base, flame.peak, flame.change.value) == ("all", 1, 1, 0)
    (thread,) = flame.children
    (main,) = thread.children
    assert (thread.name, main.name) == ("thread MainThread", "main (a.py)")
    sides = {child.name: (child.base, child.peak) for child in main.children}
    assert sides["old (c.py)"][0] == pytest.approx(40 / (8 * 6 + sum(14 + n % 3 for n in range(8))))
    assert sides["old (c.py)"][1] == 0
    (burn,) = next(c for c in main.children if c.name == "serve (a.py)").children
    assert burn.change.distance > 0.4


def test_a_burn_that_clearly_grew_is_a_finding() -> None:
    book = _book()
    _profile(book, "base-profile", [{MAIN: 40, f"{MAIN};{BURN}": 2}] * 6)
    _profile(book, "peak-profile", [{MAIN: 40, f"{MAIN};{BURN}": 40}] * 6)
    analysis = analyse(book.run())
    (found,) = [f for f in analysis.findings if f.slug == "profile-shifted"]
    assert "burn (b.py) (+45 percentage points" in found.summary
    assert list(found.evidence) == ["burn (b.py)"]
    assert "4.8% of samples in base-profile, 50.0% in peak-profile" in found.evidence["burn (b.py)"]


def test_the_same_profile_twice_names_nobody() -> None:
    book = _book()
    for name in ("base-profile", "peak-profile"):
        slices = [{MAIN: 20 + n % 5, f"{MAIN};{SERVE}": 20 - n % 3} for n in range(8)]
        _profile(book, name, slices)
    analysis = analyse(book.run())
    (difference,) = analysis.profile_differences
    assert all(change.itself.distance == 0 for change in difference.changes)
    assert not any(change.clear for change in difference.changes)
    assert "profile-shifted" not in [f.slug for f in analysis.findings]


def test_one_wild_slice_is_no_clear_change() -> None:
    book = _book()
    _profile(book, "base-profile", [{MAIN: 50}] * 6)
    burst = [{MAIN: 50}] * 5 + [{MAIN: 5, f"{MAIN};{BURN}": 45}]
    _profile(book, "peak-profile", burst)
    (difference,) = analyse(book.run()).profile_differences
    first = difference.changes[0]
    assert first.itself.value == pytest.approx(0.15 if first.function.startswith("burn") else -0.15)
    assert not any(change.clear for change in difference.changes)


def test_a_profile_without_slices_has_shares_and_no_intervals() -> None:
    book = _book()
    for name, count in (("base-profile", 1), ("peak-profile", 30)):
        key = {"stage": name, "process": "service"}
        book.rows["profile_runs"].append(key | {"mono_ns": mono(1), "samples": 50})
        for stack, n in ((f"{MAIN};{BURN}", count), (MAIN, 20)):
            book.rows["profiles"].append(key | {"stack": stack, "count": n, "rooted": True})
    analysis = analyse(book.run())
    (difference,) = analysis.profile_differences
    assert difference.note == NO_SLICES
    burn = next(change for change in difference.changes if change.function == "burn (b.py)")
    assert burn.itself.value == pytest.approx(30 / 50 - 1 / 21)
    assert (burn.itself.low, burn.clear) == (None, False)
    assert analysis.profiles[0].slices == analysis.profiles[0].looks == 0
    assert analysis.profiles[0].held is None and analysis.profiles[0].threads == ()


def test_without_both_sides_there_is_no_difference() -> None:
    book = _book()
    _profile(book, "peak-profile", [{MAIN: 20}] * 4)
    assert analyse(book.run()).profile_differences == ()


def test_each_process_has_its_own_difference() -> None:
    book = _book()
    for process in ("service", "worker"):
        for name in ("base-profile", "peak-profile"):
            _profile(book, name, [{MAIN: 20}] * 4, process=process)
    found = analyse(book.run()).profile_differences
    assert [difference.process for difference in found] == ["service", "worker"]


def test_threads_add_up_by_state_and_leave_the_flame_alone() -> None:
    book = _book()
    worker = "pool_3 (8)"
    wait = f"{MAIN};wait (t.py:3)"
    look = {
        (THREAD, "running_gil", MAIN): 6, (THREAD, "idle", wait): 4,
        (worker, "running", f"{MAIN};hash (h.py:1)"): 7, (worker, "idle", wait): 3,
    }  # fmt: skip
    _profile(book, "peak-profile", [{MAIN: 60}, {MAIN: 58}, {MAIN: 64}], [look] * 3)
    book.rows["profile_threads"].append(
        {"stage": "peak-profile", "process": "service", "thread": worker, "cpu_ratio": 0.71}
    )
    (profile,) = analyse(book.run()).profiles
    assert profile.flame is not None and profile.flame.count == profile.samples == 182
    assert (profile.slices, profile.looks, profile.file) == (3, 30, "profiles/peak-profile.txt")
    assert profile.held is not None and profile.held.value == pytest.approx(182 / 300)
    main, pool = profile.threads
    assert (main.thread, main.looks, main.cpu_ratio) == (THREAD, 30, None)
    assert [use.value for use in (main.gil, main.running, main.idle)] == [0.6, 0.0, 0.4]
    assert [use.value for use in (pool.gil, pool.running, pool.idle)] == [0.0, 0.7, 0.3]
    assert (pool.cpu_ratio, pool.idle_in) == (0.71, "wait (t.py)")
    assert pool.gil.high is not None and 0 < pool.gil.high < 0.5


@pytest.mark.parametrize(
    ("thread", "kind"),
    [
        ("MainThread (12)", "MainThread"),
        ("ThreadPoolExecutor-0_11 (12)", "ThreadPoolExecutor-*_*"),
        ("Thread-4 (process) (12)", "Thread-* (process)"),
        ("http2 (12)", "http2"),
        ("thread 12", "without a name"),
    ],
)
def test_threads_of_a_pool_share_a_frame(thread: str, kind: str) -> None:
    assert kind_of(thread) == kind
