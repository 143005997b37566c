"""Histograms over time as a text of few bytes, which the page's script reads (histograms.js).

A stream of bits, most significant first, in base64. For each step: the number of its buckets; then
for each bucket how far it lies from the one before and its count; then where in the first bucket
the minimum lies and in the last the maximum. Numbers are exponential Golomb codes (Teuhola 1978):
most distances and counts are one, which is one bit. A step of a busy run takes some 150 bytes,
JSON would take ten times that.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from loadkit.analyse.steps import Step
from loadkit.bundle.histogram import COARSE, bucket_edges

FIRST_ORDER = 6  # of the first bucket's code: numbers of a thousand and more


class Bits:
    """Collects bits."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def plain(self, value: int, width: int) -> None:
        """A number of ``width`` bits; none at all for a width of 0."""
        if width:
            self._parts.append(f"{value:0{width}b}")

    def golomb(self, value: int, order: int = 0) -> None:
        """A number from 0 on: as many zeros as it has bits beyond the order, then the number."""
        text = f"{value + (1 << order):b}"
        self._parts.append("0" * (len(text) - order - 1) + text)

    def base64(self) -> str:
        """All of it, filled up with zeros to whole bytes."""
        text = "".join(self._parts)
        text += "0" * (-len(text) % 8)
        content = int(text, 2).to_bytes(len(text) // 8, "big") if text else b""
        return base64.b64encode(content).decode("ascii")


def packed(steps: Iterable[Step]) -> str:
    """See the head of this module."""
    bits = Bits()
    for step in steps:
        _pack(bits, step)
    return bits.base64()


def _pack(bits: Bits, step: Step) -> None:
    bits.golomb(len(step.buckets))
    before = None
    for bucket, count in zip(step.buckets, step.counts, strict=True):
        if before is None:
            bits.golomb(bucket, FIRST_ORDER)
        else:
            bits.golomb(bucket - before - 1)
        bits.golomb(count - 1)
        before = bucket
    if step.buckets:
        _pack_within(bits, step.min_ns, step.buckets[0])
        _pack_within(bits, step.max_ns, step.buckets[-1])


def _pack_within(bits: Bits, value: int, bucket: int) -> None:
    """Where in its bucket a value lies, in as many bits as the bucket has values."""
    low, high = bucket_edges(bucket, COARSE)
    bits.plain(min(max(value, low), high) - low, (high - low).bit_length())
