"""Storage of the reference service. SQLite so far; the interface is `loadkit.reference.ports`."""
