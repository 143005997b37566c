"""A profile as files for other tools: collapsed text, and speedscope. Pure.

Collapsed text has a line a stack, ``thread;frame;…;frame count``, as flamegraph.pl and its kin
read it. Speedscope's file format is described by the schema it names; profiles of type *sampled*
hold, for each thread, lists of frame numbers with a weight in seconds.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from loadkit.collect.stacks import GIL, IDLE, RUNNING, Stack

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"
_PLACE = re.compile(r"(?P<name>.*) \((?P<file>.*?)(?::(?P<line>\d+))?\)")
_STATES: Mapping[str, str] = {
    GIL: "[running, with the lock]",
    RUNNING: "[running, without the lock]",
    IDLE: "[idle]",
}
_NAMELESS = "(thread unknown)"


def collapsed(stacks: Iterable[Stack], *, states: bool = False) -> str:
    """Lines of stacks below their threads; with ``states``, below what the thread was doing."""
    counts: Counter[str] = Counter()
    for stack in stacks:
        sight = stack.sight
        parts = [(sight.thread or _NAMELESS).replace(";", ","), sight.frames]
        if states:
            parts.insert(1, _STATES.get(sight.state, f"[{sight.state}]"))
        counts[";".join(parts)] += stack.count
    return "".join(f"{line} {count}\n" for line, count in sorted(counts.items()))


def speedscope(name: str, version: str, stacks: Iterable[Stack], rate_hz: int) -> str:
    """The document, a profile a thread, the busiest first.

    Within a thread samples stand in the order of slices and, within a slice, the most frequent
    stack first: py-spy's raw form has no finer order, so speedscope's "time order" tells slices
    apart and nothing finer.
    """
    numbers: dict[str, int] = {}
    threads: dict[str, list[tuple[list[int], int]]] = {}
    for stack in stacks:
        frames = [numbers.setdefault(f, len(numbers)) for f in stack.sight.frames.split(";")]
        threads.setdefault(stack.sight.thread or _NAMELESS, []).append((frames, stack.count))
    order = sorted(threads, key=lambda thread: (-sum(n for _, n in threads[thread]), thread))
    document = {
        "$schema": _SCHEMA,
        "exporter": f"loadkit {version}",
        "name": name,
        "activeProfileIndex": 0 if order else None,
        "shared": {"frames": [_frame(frame) for frame in numbers]},
        "profiles": [_profile(thread, threads[thread], rate_hz) for thread in order],
    }
    if not order:
        del document["activeProfileIndex"]
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _frame(text: str) -> dict[str, Any]:
    found = _PLACE.fullmatch(text)
    if found is None:
        return {"name": text}
    frame: dict[str, Any] = {"name": found["name"], "file": found["file"]}
    if found["line"]:
        frame["line"] = int(found["line"])
    return frame


def _profile(thread: str, samples: list[tuple[list[int], int]], rate_hz: int) -> dict[str, Any]:
    weights = [round(count / rate_hz, 6) for _, count in samples]
    return {
        "type": "sampled",
        "name": f"{thread}, holding the interpreter's lock",
        "unit": "seconds",
        "startValue": 0,
        "endValue": round(sum(weights), 6),
        "samples": [frames for frames, _ in samples],
        "weights": weights,
    }
