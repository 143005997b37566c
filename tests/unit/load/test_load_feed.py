"""Feeders: orders, shares of workers, files that do not fit."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest

from loadkit import Feeder
from loadkit.errors import ScenarioError
from loadkit.load.feed import share
from loadkit.load.feed.files import CsvRows
from loadkit.load.feed.order import numbers

CSV = "name,password\nann,one\nbob,two\ncid,three\n"


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    share.take(0, 1, 7, lambda finding: None)
    yield
    share.take(0, 1, 0, lambda finding: None)


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def of_worker(make: Callable[[], Feeder], worker: int, workers: int, rows: int) -> list[Any]:
    share.take(worker, workers, 7, lambda finding: None)
    feeder = make()
    return [feeder.next() for _ in range(rows)]


# -- orders ---------------------------------------------------------------------------------------


def test_rows_of_a_table_in_order_and_again(tmp_path: Path) -> None:
    feeder = Feeder(put(tmp_path, "users.csv", CSV), columns=("name", "password"))
    assert len(feeder) == 3
    rows = [next(feeder) for _ in range(4)]
    assert rows[1] == {"name": "bob", "password": "two"}
    assert [row["name"] for row in rows] == ["ann", "bob", "cid", "ann"]


@pytest.mark.parametrize("count", [1, 2, 3, 10, 101])
@pytest.mark.parametrize("seed", [None, 5])
def test_shares_of_three_workers_are_disjoint_and_complete(count: int, seed: int | None) -> None:
    shares = [list(numbers(count, k, 3, seed=seed, once=True)) for k in range(3)]
    assert Counter(n for own in shares for n in own) == Counter(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    if seed is None:
        assert all(n % 3 == k for k, own in enumerate(shares) for n in own)


@pytest.mark.parametrize("seed", [None, 5])
def test_later_rounds_keep_to_the_same_share(seed: int | None) -> None:
    for worker in range(3):
        own = len(range(worker, 10, 3))
        rounds = list(islice(numbers(10, worker, 3, seed=seed, once=False), 4 * own))
        assert {frozenset(rounds[i : i + own]) for i in range(0, 4 * own, own)} == {
            frozenset(rounds)
        }


def test_shuffled_is_repeatable_by_the_seed_and_different_in_each_round() -> None:
    first = list(islice(numbers(50, 0, 1, seed=3, once=False), 100))
    assert first == list(islice(numbers(50, 0, 1, seed=3, once=False), 100))
    assert first != list(islice(numbers(50, 0, 1, seed=4, once=False), 100))
    assert sorted(first[:50]) == sorted(first[50:]) == list(range(50))
    assert first[:50] != first[50:]
    assert first[:50] != list(range(50))


def test_the_scenarios_seed_shuffles_where_the_feeder_has_none() -> None:
    rows = [{"n": n} for n in range(30)]
    mine = [Feeder(rows, shuffle=True).next() for _ in range(1)]
    share.take(0, 1, 7, lambda finding: None)
    assert [Feeder(rows, shuffle=True).next()] == mine
    assert Feeder(rows, shuffle=True, seed=7).next() == mine[0]
    others = {Feeder(rows, shuffle=True, seed=seed).next()["n"] for seed in range(20)}
    assert len(others) > 5


def test_a_worker_without_a_row_gets_none() -> None:
    assert list(numbers(2, 2, 3, seed=None, once=False)) == []
    assert list(numbers(2, 2, 3, seed=1, once=False)) == []


def test_generators_are_shared_out_too() -> None:
    def rows() -> Iterator[int]:
        yield from range(10)

    shares = [of_worker(lambda: Feeder(rows), k, 3, n) for k, n in ((0, 4), (1, 3), (2, 3))]
    assert shares == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]
    # A function is called again for the next round, an iterator is over.
    assert of_worker(lambda: Feeder(rows), 1, 3, 5) == [1, 4, 7, 1, 4]
    assert of_worker(lambda: Feeder(iter(range(10))), 0, 4, 3) == [0, 4, 8]


def test_what_a_user_does_to_its_row_stays_with_it() -> None:
    feeder = Feeder([{"n": 1}])
    feeder.next()["n"] = 2
    assert feeder.next() == {"n": 1}


# -- files ----------------------------------------------------------------------------------------


def test_a_table_as_spreadsheets_write_it(tmp_path: Path) -> None:
    text = '\ufeffname;note\r\n\r\n"Ann; A.";"two\r\nlines ""quoted"""\r\nBøb;\r\n'
    feeder = Feeder(put(tmp_path, "people.csv", text), delimiter=";")
    assert len(feeder) == 2
    assert feeder.next() == {"name": "Ann; A.", "note": 'two\r\nlines "quoted"'}
    assert feeder.next() == {"name": "Bøb", "note": ""}


def test_json_lines(tmp_path: Path) -> None:
    text = '\ufeff{"id": 1, "tags": ["a"]}\n\n{"id": 2, "tags": []}'
    feeder = Feeder(put(tmp_path, "items.jsonl", text), columns=("id",))
    assert [feeder.next() for _ in range(3)] == [
        {"id": 1, "tags": ["a"]},
        {"id": 2, "tags": []},
        {"id": 1, "tags": ["a"]},
    ]


def test_paths_start_where_the_calling_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "users.csv", CSV)
    monkeypatch.chdir("/")
    space = {"__file__": str(tmp_path / "scenario.py"), "__name__": "scenario"}
    code = "import loadkit\nrow = loadkit.Feeder('users.csv').next()"
    exec(compile(code, space["__file__"], "exec"), space)
    assert space["row"] == {"name": "ann", "password": "one"}  # type: ignore[comparison-overlap]


@pytest.mark.parametrize(
    ("text", "where", "what", "remedy"),
    [
        ("name,mail\nann,a@b\n", "users.csv:1", "there is no column 'password'", "name, mail"),
        ("", "users.csv", "is empty", "first line names"),
        ("name,password\n", "users.csv", "has no rows", "at least one"),
        (CSV + "dan\n", "users.csv:5", "1 cells where the header has 2", "name, password"),
        (CSV + "d,e,f\n", "users.csv:5", "3 cells where the header has 2", "needs quotes"),
        ("name,password,name\n", "users.csv:1", "column 'name' is there twice", "Columns:"),
        ("name,,password\n", "users.csv:1", "a column has no name", "Columns:"),
        (CSV.encode() + b"d\xe4n,four\n", "users.csv:5", "byte 2 is no utf-8", "latin-1"),
        (CSV + '"open,end\n', "users.csv:5", "not CSV", "written twice"),
    ],
)
def test_tables_that_do_not_fit_name_their_line(
    tmp_path: Path, text: str | bytes, where: str, what: str, remedy: str
) -> None:
    path = put(tmp_path, "users.csv", text)
    with pytest.raises(ScenarioError) as caught:
        CsvRows(path, "users.csv", ("name", "password"), "utf-8", ",")
    assert caught.value.where == where
    assert what in caught.value.what
    assert remedy in (caught.value.remedy or "")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('{"id": 1}\n{"id": }\n', 2, "not JSON"),
        ('{"id": 1}\n[1]\n', 2, "a list, not an object"),
        ('{"id": 1}\n\n{"di": 1}\n', 3, "there is no 'id'"),
    ],
)
def test_json_lines_that_do_not_fit_name_their_line(
    tmp_path: Path, text: str, line: int, what: str
) -> None:
    path = put(tmp_path, "items.jsonl", text)
    with pytest.raises(ScenarioError, match=what) as caught:
        Feeder(path, columns=("id",))
    assert caught.value.where == f"{path}:{line}"


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Feeder("nowhere.csv"), "cannot be read: No such file"),
        (lambda: Feeder([]), "list is empty"),
        (lambda: Feeder([{"a": 1}], columns=("b",)), "row 1: there is no 'b'"),
        (lambda: Feeder([{"a": 1}], columns="ab"), "columns must be a list"),
        (lambda: Feeder(iter("ab"), shuffle=True), "cannot be shuffled"),
        (lambda: Feeder(cast(Any, 7)), "takes a file, a list or a generator"),
        (lambda: Feeder("x.csv", encoding="utf-16"), "cannot be read line by line"),
    ],
)
def test_what_no_feeder_can_be_made_of(make: Callable[[], Feeder], what: str) -> None:
    with pytest.raises(ScenarioError, match=what):
        make()


def test_rows_by_chance_are_the_ones_that_csv_reads(tmp_path: Path) -> None:
    chance = random.Random(3)
    cells = ["a", "", 'say "x"', "comma, in", "two\nlines", "ünï", "\r\n", " spaced "]
    table = [[chance.choice(cells) or "x", chance.choice(cells)] for _ in range(300)]

    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    text = "left,right\n" + "".join(",".join(map(quoted, row)) + "\n" for row in table)
    feeder = Feeder(put(tmp_path, "t.csv", text))
    assert [list(feeder.next().values()) for _ in table] == table


def test_a_file_that_changes_under_way_is_said(tmp_path: Path) -> None:
    path = put(tmp_path, "users.csv", CSV)
    feeder = Feeder(path)
    feeder.next()
    path.write_text("name,password\nann,one\nb,\n")
    with pytest.raises(ScenarioError, match=r"row [23] has changed"):
        for _ in range(2):
            feeder.next()


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    rows = 100_000
    path = tmp_path / "large.csv"
    with path.open("w") as out:
        out.write("name,password\n")
        out.writelines(f"user{n},{'x' * 50}{n}\n" for n in range(rows))
    tracemalloc.start()
    try:
        feeder = Feeder(path, shuffle=True)
        first = feeder.next()
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert first["password"].endswith(first["name"].removeprefix("user"))
    # Eight bytes a row and the order; a row itself would be some 300.
    assert held < 20 * rows
    assert most < 40 * rows
