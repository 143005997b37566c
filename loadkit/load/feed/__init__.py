"""Test data for users: rows of a file or of a generator, each worker its own share."""
