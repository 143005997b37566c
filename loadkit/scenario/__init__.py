"""What is to happen, as pure functions: no I/O, no clock, no Locust."""
