"""`pricing_slow`: prices have to be fetched each time, and that takes long."""

from typing import ClassVar

from loadkit.reference.faults.base import BadFault, Fault


class PricingSlow(Fault):
    """Each price is read from the database, and that query lasts `value` seconds longer.

    The cache is passed by (what came too late is not kept), and the connection is held meanwhile:
    `latency` at the same step waits without holding anything.
    """

    kind: ClassVar[str] = "pricing_slow"

    def check(self, value: float) -> None:
        """Seconds."""
        if not 0 < value <= 60:
            raise BadFault("pricing_slow needs a value above 0 and at most 60 (seconds)")

    def price_wait_s(self) -> float:
        """How much longer this fetch takes."""
        self.struck += 1
        return self.value
