"""A run that can be watched: the report of the bundle so far, and numbers for a Prometheus.

``python -m loadkit.live`` is a process of its own, because analysis would hold the supervisor up;
``meters`` and ``exposition`` work in the supervisor, on what the load child sends it.
"""
