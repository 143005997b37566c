"""What the handlers work with, in one value."""

from dataclasses import dataclass

from loadkit.reference.logs import JsonLog
from loadkit.reference.metrics import Metrics
from loadkit.reference.ports import Notifier, PricingCache, Storage


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the API; each may be another implementation of its interface."""

    storage: Storage
    cache: PricingCache
    notifier: Notifier
    metrics: Metrics
    log: JsonLog
