"""Every error loadkit raises on purpose, drawn once.

::

    LoadkitError                 exit 1, loadkit failed
    ├── UsageError               exit 2, an option, objective, fault or rule file is wrong
    │   ├── ScenarioError        the scenario file is missing, broken or contradicts itself
    │   ├── BundleError          not a bundle, a newer one, or one that is cut
    │   └── TargetError          the target is not allowed, or nobody answers there
    ├── StackError               a server could not be found, started or stopped
    ├── LoadError                the load generator failed
    └── CollectError             a source could not be read; becomes a finding, never a crash
        └── AnswerError          it answers, but not as what it should be: exit 2 before a load

An error says what is wrong, where, and what to do about it.
"""

from __future__ import annotations


class LoadkitError(Exception):
    """Base of all; ``str(error)`` is the message for a terminal, without the leading ``error:``."""

    exit_status = 1

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n{self.remedy}" if self.remedy else head


class UsageError(LoadkitError):
    """The user can mend it: an option, an objective, a fault, a rule file."""

    exit_status = 2


class ScenarioError(UsageError):
    """The scenario is missing, does not parse, or contradicts itself."""


class BundleError(UsageError):
    """The path is no bundle, a bundle of a newer loadkit, or one that cannot be read."""


class TargetError(UsageError):
    """The target is not among the allowed ones, or does not answer."""


class StackError(LoadkitError):
    """A server is missing, did not start, or did not become healthy."""


class LoadError(LoadkitError):
    """The load generator could not be started or broke its protocol."""


class CollectError(LoadkitError):
    """A source could not be read."""


class AnswerError(CollectError):
    """A source answers, but is something else, or does not let us in."""
