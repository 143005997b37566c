"""`python -m loadkit.reference`."""

import asyncio
import logging
import sys

from loadkit.reference.errors import SetupError
from loadkit.reference.server import Service
from loadkit.reference.settings import parse_settings


def main() -> int:
    """Run until told to stop; 2 when the options, a file or a port won't do."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        settings = parse_settings(sys.argv[1:])
        asyncio.run(Service(settings).run())
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
