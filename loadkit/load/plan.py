"""What a load child is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadkit.errors import LoadError
from loadkit.model import Scenario
from loadkit.scenario.codec import from_dict


@dataclass(frozen=True, slots=True)
class Plan:
    """A run. Without a scenario it is foreign: Locust's own users, one stage named ``run``.

    ``duration``, ``drain`` are seconds; ``spawn_rate`` users a second; ``trace_ratio`` the share
    of requests whose traceparent asks for sampling.
    """

    file: str
    scenario: Scenario | None = None
    host: str | None = None
    users: int | None = None
    spawn_rate: float | None = None
    duration: float | None = None
    drain: float = 30.0
    samples: bool = False
    locust_args: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    seed: int = 0
    trace_ratio: float = 1.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The plan as the supervisor writes it.

        Raises:
            LoadError: a key is missing or not known.
        """
        values = dict(data)
        try:
            if values.get("scenario") is not None:
                values["scenario"] = from_dict(values["scenario"])
            for key in ("locust_args", "allowed_hosts"):
                values[key] = tuple(values.get(key) or ())
            return cls(**values)
        except TypeError as error:
            raise LoadError(f"the plan is not understood: {error}") from error
