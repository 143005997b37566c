"""Variables that look like settings and are none: a slip of the pen would go unnoticed."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping

from loadkit.config.shape import SECTIONS, keys, kind_of, variable

_OTHERS = ("LOADKIT_PROMETHEUS_HEADERS", "LOADKIT_ALERTMANAGER_HEADERS", "LOADKIT_RUN_ID")
_OF_KUBERNETES = re.compile(r"_(HOST|PORT|PORT_\w+)$")


def variables() -> dict[str, str]:
    """Environment variable → the setting that it says; of those that a variable can say."""
    return {
        variable(name, key.name): f"{name}.{key.name}"
        for name, section in SECTIONS.items()
        for key in keys(section)
        if kind_of(key).scalar
    }


def strangers(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """A sentence for each variable that is spelt almost like one of a setting.

    Not an error: others may set names of their own. Kubernetes does, such as LOADKIT_SERVICE_HOST
    for a service called loadkit.
    """
    known = variables()
    found = []
    for name in sorted(os.environ if environment is None else environment):
        if not name.startswith("LOADKIT_") or name in known or name in _OTHERS:
            continue
        if _OF_KUBERNETES.search(name):
            continue
        near = difflib.get_close_matches(name, known, 1, cutoff=0.85)
        if near:
            found.append(f"environment variable {name} is not known; is {near[0]} meant?")
    return tuple(found)
