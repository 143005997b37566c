"""Messages of failures as a bundle keeps them."""

from __future__ import annotations

from loadkit.scrub import scrub

LONGEST = 300


def message(text: str) -> str:
    """A message for a table: without secrets, one line, at most LONGEST characters."""
    # Scrubbed before it is cut: half a secret is one still. Bounded first: bodies may be huge.
    clean = " ".join(scrub(text, LONGEST * 20).split())
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"
