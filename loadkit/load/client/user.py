"""``loadkit.HttpUser``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from locust.exception import StopTest
from locust.user.users import RestMixin, User

from loadkit.load.client.errors import InvalidUrl
from loadkit.load.client.response import Response
from loadkit.load.client.session import Session
from loadkit.load.client.tls import context_for


class HttpUser(User, RestMixin[Response]):
    """A user with an HTTP client that costs little::

        from locust import task
        from loadkit import HttpUser

        class Shopper(HttpUser):
            @task
            def buy(self):
                self.client.post("/orders", json={"item": 7})

    The attributes below are settings; change them in the class.
    """

    abstract = True

    loadkit_counts = True
    """Its requests are counted from the moment they are sent."""

    connection_timeout: float = 60.0
    """Seconds for connecting, TLS handshake included."""

    network_timeout: float = 60.0
    """Seconds from sending a request until its answer is complete."""

    max_redirects: int = 30
    """Redirects in a chain beyond which a request has failed."""

    default_headers: Mapping[str, str] | None = None
    """Headers of every request."""

    verify: bool | str = True
    """Whether certificates of servers are checked; or a file or folder of authorities."""

    cert: str | tuple[str, str] | None = None
    """A client certificate: a file with its key, or a pair (certificate, key)."""

    insecure: bool = False
    """As in FastHttpUser: True is the same as ``verify = False``. Not the default here."""

    client: Session

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if self.host is None:
            raise StopTest(
                "No host: set `host` in the user class or give --host (as in http://localhost:8000)."
            )
        verify = False if self.insecure else self.verify
        try:
            if isinstance(verify, str) or self.cert is not None:
                context_for(verify, self.cert)  # said now, not once a request
            self.client = Session(
                self.host,
                environment.events.request,
                self,
                headers=self.default_headers,
                connect_timeout=self.connection_timeout,
                timeout=self.network_timeout,
                max_redirects=self.max_redirects,
                verify=verify,
                cert=self.cert,
            )
        except InvalidUrl as error:
            raise StopTest(f"the host {error}") from None
        except OSError as error:
            raise StopTest(f"verify or cert of {type(self).__name__}: {error}") from None

    def start(self, group: Any) -> Any:
        """Starts the user; when it has ended its connections are closed."""
        greenlet = super().start(group)
        greenlet.rawlink(lambda _: self.client.close())
        return greenlet
