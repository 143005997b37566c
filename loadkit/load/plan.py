"""What a load child is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from loadkit.errors import LoadError
from loadkit.model import Scenario
from loadkit.scenario.codec import from_dict, to_dict


@dataclass(frozen=True, slots=True)
class MasterPlan:
    """What makes a load child the master of workers.

    ``workers`` is how many there must be; ``local`` whether the master starts them itself.
    ``host`` and ``port`` are where it listens (port 0: a free one); ``token`` is what workers
    must know, None for local ones; ``timeout`` is how long to wait for them, in seconds.
    """

    workers: int
    local: bool
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = field(default=None, repr=False)
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A run. Without a scenario it is foreign: Locust's own users, one stage named ``run``.

    ``duration``, ``drain`` are seconds; ``spawn_rate`` users a second; ``trace_ratio`` the share
    of requests whose traceparent asks for sampling; ``max_rate`` the most requests a second that
    users may send who are not arrivals, of all workers together. This process is ``worker`` (from
    0) of ``workers``; with a ``master`` it makes no load itself and leads workers that do.
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
    max_rate: float | None = None
    worker: int = 0
    workers: int = 1
    master: MasterPlan | None = None

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
            if values.get("master") is not None:
                values["master"] = MasterPlan(**values["master"])
            return cls(**values)
        except TypeError as error:
            raise LoadError(f"the plan is not understood: {error}") from error

    def for_worker(self, index: int) -> dict[str, Any]:
        """What a worker does of it, as ``from_json`` takes it; the token is not in it."""
        assert self.master is not None
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        values["scenario"] = None if self.scenario is None else to_dict(self.scenario)
        return values | {"worker": index, "workers": self.master.workers, "master": None}
