"""In which order a worker takes its rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def numbers(
    count: int, worker: int, workers: int, *, seed: int | None, once: bool
) -> Iterator[int]:
    """Row numbers of one worker: those of its share, again and again unless ``once``.

    A worker's share is every ``workers``-th row from number ``worker`` on, so that shares of all
    workers are disjoint and together are all rows, in every round. With a ``seed`` the rows are
    shuffled before they are shared out, and each worker shuffles its own anew in later rounds.
    """
    if seed is None:
        while True:
            yield from range(worker, count, workers)
            if once or worker >= count:
                return
    kind = np.int64 if count > 1 << 31 else np.int32
    shuffled = np.random.default_rng([abs(seed), 0]).permutation(np.arange(count, dtype=kind))
    own = shuffled[worker::workers].copy()
    del shuffled
    later = np.random.default_rng([abs(seed), 1, worker])
    while len(own):
        for number in own:
            yield int(number)
        if once:
            return
        later.shuffle(own)
