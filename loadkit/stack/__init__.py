"""Servers beside the load: found, started, watched and stopped.

Nothing is imported here on purpose: ``python -m loadkit.stack.guard`` has to be there at once.

- ``binaries``, ``packages``: where the servers come from
- ``process``, ``components``, ``guard``: how anything is started, stopped and never orphaned
- ``servers``, ``service``, ``embedded``: the embedded stack
- ``detached``: ``loadkit stack up | down | status | install``
"""
