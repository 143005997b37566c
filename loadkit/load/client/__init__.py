"""The HTTP client of ``loadkit.HttpUser``: HTTP/1.1 on gevent, as little work a request as can be.

A :class:`~loadkit.load.client.session.Session` turns calls into requests, a
:class:`~loadkit.load.client.connection.Connection` exchanges one message at a time, and
:mod:`~loadkit.load.client.reporter` says what became of it.
"""
