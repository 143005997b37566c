"""The run bundle: the only thing between measuring and judging."""
