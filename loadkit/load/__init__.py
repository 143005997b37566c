"""The load child: Locust as the engine, with arrivals, due times and accounting of our own.

Only this room imports locust or gevent, and only in the child process (``python -m
loadkit.load``); importing the package itself, ``frames`` or ``plan`` does neither.
"""
