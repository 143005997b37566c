"""The slowest requests of each stage, second and operation, kept while batches go by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loadkit.load.cells import starts_of

Ints = npt.NDArray[np.int64]
SLOWEST = 3
_MOST = 8_192
_GROUP, _FAILED, _RESPONSE = 0, 1, 2


class Slowest:
    """The SLOWEST requests of each group, and its slowest failed one."""

    def __init__(self) -> None:
        self._parts: list[Ints] = []
        self._size = 0

    def add(self, starts: Ints, count: int, columns: Ints) -> None:
        """Takes what may be among the slowest of a batch of ``count`` requests.

        Args:
            starts: where the groups begin in the batch, each sorted by response time.
            count: requests in the batch.
            columns: shape (columns, count): group, whether it failed, response time, and
                whatever else ``rows`` is to give back.
        """
        ends = np.append(starts[1:], count)
        last = [ends - back for back in range(1, SLOWEST + 1)]
        chosen = np.concatenate([at[at >= starts] for at in last])
        self._parts.append(columns[:, chosen])
        self._size += len(chosen)
        if self._size > _MOST:
            self._compress()

    def _compress(self) -> None:
        found = np.concatenate(self._parts, axis=1)
        found = found[:, np.lexsort((found[_RESPONSE], found[_GROUP]))]
        keep = _ranks(found[_GROUP]) < SLOWEST
        failed = np.flatnonzero(found[_FAILED])
        keep[failed[_ranks(found[_GROUP][failed]) == 0]] = True
        found = found[:, keep]
        self._parts = [found]
        self._size = found.shape[1] // 2  # so that what is needed is not compressed each time

    def rows(self) -> list[list[int]]:
        """The columns of each request kept, group by group, slowest last.

        The slowest failed one comes before those SLOWEST where none of them failed.
        """
        if not self._parts:
            return []
        self._compress()
        return self._parts[0].T.tolist()  # type: ignore[no-any-return]


def _ranks(groups: Ints) -> Ints:
    """Of each entry of an ascending list how many of its group come after it."""
    if not len(groups):
        return np.zeros(0, np.int64)
    starts = starts_of(groups)
    ends = np.append(starts[1:], len(groups))
    return np.repeat(ends, ends - starts) - 1 - np.arange(len(groups))
