"""The options of the service."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadkit.reference.errors import SetupError

TOKEN_VARIABLE = "LOADKIT_FAULT_TOKEN"
SHORTEST_TOKEN = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """How to run. Port 0: a free one. `database` None: a fresh one, removed at the end."""

    host: str = "127.0.0.1"
    port: int = 8080
    metrics_port: int = 9090
    database: Path | None = None
    otlp_endpoint: str | None = None
    fault_port: int | None = None
    fault_token: str | None = None
    pool_size: int = 8
    queue_size: int = 1000
    log_file: str = "-"
    api_keys: Path | None = None
    demo_keys: bool = True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadkit.reference",
        description="The LLM Cost Ops reference service. Prints one JSON line when it is ready.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address of API and metrics (default: %(default)s)")
    add("--port", type=_port, default=8080, help="API; 0: a free one (default: %(default)s)")
    add("--metrics-port", type=_port, default=9090, help="/metrics (default: %(default)s)")
    add("--database", type=Path, metavar="PATH",
        help="SQLite file, made and seeded if missing (default: a fresh one, removed at the end)",
        )  # fmt: skip
    add("--otlp-endpoint", metavar="URL", help="where spans go; without it there is no tracing")
    add(
        "--tracing",
        choices=("on", "off"),
        help="off: no tracing even with an endpoint (default: on where there is an endpoint)",
    )
    add("--fault-port", type=_port, metavar="N", help="faults, on loopback; needs a token")
    add(
        "--fault-token-env",
        default=TOKEN_VARIABLE,
        metavar="NAME",
        help="environment variable that holds the token (default: %(default)s)",
    )
    add("--pool-size", type=_positive, default=8, help="database connections to read with")
    add("--queue-size", type=_positive, default=1000, help="records that may wait to be written")
    add("--log-file", default="-", metavar="PATH", help="JSON log; -: standard output (default)")
    add("--api-keys", type=Path, metavar="FILE", help="own keys, `KEY TIER USER` on each line")
    add("--no-demo-keys", action="store_true", help="leave the demonstration keys out")
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{number} is no port; use 0 to 65535")
    return number


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError(f"{number} is out of range; use 1 to 100000")
    return number


def parse_settings(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Settings of a command line. Raises SetupError; argparse itself ends with status 2."""
    given = _parser().parse_args(arguments)
    token = None
    if given.fault_port is not None:
        token = environment.get(given.fault_token_env, "")
        if len(token) < SHORTEST_TOKEN:
            raise SetupError(
                f"--fault-port needs a token of {SHORTEST_TOKEN} characters or more in the "
                f"environment variable {given.fault_token_env}"
            )
    if given.tracing == "on" and given.otlp_endpoint is None:
        raise SetupError("--tracing on needs --otlp-endpoint URL: where should the spans go?")
    return Settings(
        host=given.host,
        port=given.port,
        metrics_port=given.metrics_port,
        database=given.database,
        otlp_endpoint=None if given.tracing == "off" else given.otlp_endpoint,
        fault_port=given.fault_port,
        fault_token=token,
        pool_size=given.pool_size,
        queue_size=given.queue_size,
        log_file=given.log_file,
        api_keys=given.api_keys,
        demo_keys=not given.no_demo_keys,
    )
