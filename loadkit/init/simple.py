"""A scenario of one request, for a service that nothing more is known about."""

from __future__ import annotations

from loadkit.init import names
from loadkit.init.draft import Call, Draft, Task
from loadkit.init.places import Place
from loadkit.init.recorded_body import fields
from loadkit.init.withheld import Withheld


def draft(where: Place) -> Draft:
    """GET of the address that was given."""
    unique = names.Unique()
    path = where.path or "/"
    name = unique.take(names.method_name(where.path, "front page"))
    call = Call("GET", path, params=fields(where.query, Withheld(unique)))
    return Draft(
        source="the address alone: add what the service is asked for",
        host=where.origin,
        tasks=(Task(name, (call,), (f"GET {path}",)),),
    )
