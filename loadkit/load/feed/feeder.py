"""``loadkit.Feeder``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from loadkit.errors import ScenarioError
from loadkit.load import caller
from loadkit.load.feed import share
from loadkit.load.feed.files import CsvRows, JsonRows
from loadkit.load.feed.order import numbers
from loadkit.load.feed.source import Listed, Rows, every

_JSON = (".jsonl", ".ndjson", ".json")
Source = str | Path | Iterable[Any] | Callable[[], Iterable[Any]]


class Feeder:
    """Rows for users, one after the other::

        users = loadkit.Feeder("users.csv", columns=("name", "password"))

        class Shopper(HttpUser):
            def on_start(self):
                row = users.next()
                self.client.post("/login", json={"name": row["name"], …})

    In a run with several workers each has its own share: worker k of n takes every n-th row.

    Args:
        source: a CSV file with a header, a file of JSON objects one a line (``.jsonl``,
            ``.ndjson``), a list, a function that returns an iterable (called anew for each
            round), or an iterator. Paths are relative to the scenario file.
        columns: what every row must have; checked before anything is sent.
        shuffle: in an order by chance, the same for the same seed.
        once: give each row once; else it begins anew. An iterator is always given once.
        seed: for ``shuffle``; the scenario's by default.
        encoding: of a file.
        delimiter: of a CSV file.

    Raises:
        ScenarioError: the file is missing, empty, or has a row that does not fit; names file and
            line. Or the arguments contradict each other.
    """

    def __init__(
        self,
        source: Source,
        *,
        columns: Sequence[str] = (),
        shuffle: bool = False,
        once: bool = False,
        seed: int | None = None,
        encoding: str = "utf-8",
        delimiter: str = ",",
    ) -> None:
        if isinstance(columns, str):
            raise ScenarioError(
                f"columns must be a list, got {columns!r}", remedy=f"Write columns=({columns!r},)."
            )
        self._once = once
        self._shuffle = shuffle
        self._seed = seed
        self._columns = tuple(columns)
        self._rows: Rows | None = None
        self._stream: Iterable[Any] | Callable[[], Iterable[Any]] | None = None
        self._given: Iterator[Any] | None = None
        self._said = False
        if isinstance(source, str | Path):
            self.name = str(source)
            self._rows = _file(source, self._columns, encoding, delimiter)
        elif isinstance(source, Sequence):
            self.name = f"of {len(source)} rows"
            self._rows = self._listed(source)
        elif callable(source) or isinstance(source, Iterable):
            self.name = getattr(source, "__name__", type(source).__name__)
            self._stream = source
            if shuffle:
                raise ScenarioError(
                    f"feeder {self.name}: what comes one after the other cannot be shuffled",
                    remedy="Give a list or a file, or shuffle it in the generator.",
                )
        else:
            raise ScenarioError(
                f"a feeder takes a file, a list or a generator, got {source!r}",
                remedy='For example loadkit.Feeder("users.csv").',
            )

    def __len__(self) -> int:
        """How many rows there are, of all workers together.

        Raises:
            TypeError: it is a generator, of which nobody knows.
        """
        if self._rows is None:
            raise TypeError(f"the feeder {self.name} does not know how many rows will come")
        return len(self._rows)

    def __iter__(self) -> Feeder:
        return self

    def __next__(self) -> Any:
        return self.next()

    def next(self) -> Any:
        """The next row of this worker's share.

        Raises:
            StopUser: there is none left (``once``, or an iterator at its end). Locust stops the
                user who asked; the report says so.
        """
        if self._given is None:
            self._given = self._begin()
        for row in self._given:
            return row
        if not self._said:
            self._said = True
            share.say_exhausted(self.name)
        # Imported here: a scenario is also read where there is no Locust.
        from loadkit.load.feed.exhausted import Exhausted

        raise Exhausted(f"the feeder {self.name} has no row left")

    def _begin(self) -> Iterator[Any]:
        """As late as the first row: by then the process knows which worker it is."""
        own = share.current
        if self._rows is None:
            return self._streamed(own.worker, own.workers)
        seed = (own.seed if self._seed is None else self._seed) if self._shuffle else None
        order = numbers(len(self._rows), own.worker, own.workers, seed=seed, once=self._once)
        return map(self._rows.row, order)

    def _streamed(self, worker: int, workers: int) -> Iterator[Any]:
        source = self._stream
        assert source is not None
        while True:
            rows = source() if callable(source) else source
            number = -1
            for number, row in enumerate(every(iter(rows), worker, workers)):
                self._check(row, f"row {number * workers + worker + 1}")
                yield row
            if self._once or not callable(source) or number < 0:
                return

    def _listed(self, source: Sequence[Any]) -> Rows:
        if not source:
            raise ScenarioError("the feeder's list is empty", remedy="Give it at least one row.")
        for number, row in enumerate(source, start=1):
            self._check(row, f"row {number}")
        return Listed(source)

    def _check(self, row: Any, where: str) -> None:
        if not self._columns:
            return
        missing = [name for name in self._columns if not (isinstance(row, Mapping) and name in row)]
        if missing:
            raise ScenarioError(
                f"feeder {self.name}, {where}: there is no {', '.join(map(repr, missing))}",
                remedy="Every row has what columns= names.",
            )


def _file(source: str | Path, columns: Sequence[str], encoding: str, delimiter: str) -> Rows:
    path = caller.folder() / source
    if path.suffix.lower() in _JSON:
        return JsonRows(path, str(source), columns, encoding)
    return CsvRows(path, str(source), columns, encoding, delimiter)
