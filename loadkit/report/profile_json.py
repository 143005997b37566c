"""Profiles in the JSON report: threads, and peak against base."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from loadkit.analyse.profile_result import ProfileDifference
from loadkit.analyse.result import ProfileResult


def profile_more(profile: ProfileResult) -> dict[str, Any]:
    """What a profile says beyond its samples; shares with their intervals."""
    return {
        "slices": profile.slices,
        "looks": profile.looks,
        "held": None if profile.held is None else asdict(profile.held),
        "threads": [asdict(thread) for thread in profile.threads],
        "file": profile.file,
    }


def profile_difference(difference: ProfileDifference) -> dict[str, Any]:
    """Functions with their shares at base and peak; the flame graph is left to the page."""
    keys = (
        "process",
        "base_stage",
        "peak_stage",
        "base_samples",
        "peak_samples",
        "base_slices",
        "peak_slices",
        "compared",
        "note",
    )
    return {key: getattr(difference, key) for key in keys} | {
        "changes": [asdict(change) for change in difference.changes]
    }
