"""Several processes for one load: what was asked for, checked, for the load child."""

from __future__ import annotations

import ipaddress
from typing import Any

from loadkit.errors import UsageError
from loadkit.load.workers import tokens
from loadkit.load.workers.address import DEFAULT_PORT, split_address
from loadkit.model import Scenario
from loadkit.run.plan import Plan
from loadkit.run.request import RunRequest

TIMEOUT_S = 60.0
_LOOPBACK = "127.0.0.1"


def master_plan(request: RunRequest, plan: Plan) -> dict[str, Any] | None:
    """The key ``master`` of the load child's plan; None for a load of one process.

    Takes the token out of the environment in any case: nothing else that is started needs it.

    Raises:
        UsageError: options that contradict each other or the plan, or no token where one is needed.
    """
    if request.workers is not None and request.expect_workers is not None:
        raise UsageError(
            "--workers and --expect-workers do not go together",
            remedy="--workers starts them on this machine, --expect-workers waits for others.",
        )
    count = request.workers or request.expect_workers
    if request.expect_workers is None:
        _refuse_remote_options(request)
    if count is None:
        tokens.forget()
        return None
    _check_users(count, request, plan.scenario)
    timeout = request.worker_timeout or TIMEOUT_S
    if request.workers is not None:
        tokens.forget()
        return {"workers": count, "local": True, "timeout": timeout}
    host, port = split_address(request.bind or _LOOPBACK, DEFAULT_PORT)
    token = tokens.from_surroundings(request.token_file)
    if token is None:
        raise tokens.missing("--expect-workers")
    if plan.stack == "embedded" and not _loopback(host):
        raise UsageError(
            f"--bind {host} does not go with the embedded stack, which only this machine can reach",
            remedy="Use --stack none with --host, or --workers N on this machine.",
        )
    return {
        "workers": count,
        "local": False,
        "host": host,
        "port": port,
        "token": token,
        "timeout": timeout,
    }


def _refuse_remote_options(request: RunRequest) -> None:
    for option, value in (("--bind", request.bind), ("--token-file", request.token_file)):
        if value is not None:
            raise UsageError(
                f"{option} is for workers on other machines",
                remedy="Add --expect-workers N, or leave it out.",
            )
    if request.worker_timeout is not None and request.workers is None:
        raise UsageError("--worker-timeout needs --workers or --expect-workers")


def _check_users(count: int, request: RunRequest, scenario: Scenario | None) -> None:
    """No worker may be without users: its arrivals would never start."""
    if scenario is None:
        if request.users is not None and request.users < count:
            raise UsageError(f"--users {request.users} are fewer than {count} workers")
        return
    for stage in scenario.stages:
        for load in stage.open_loads:
            if load.pool < count:
                raise UsageError(
                    f"stage {stage.name!r} has at most {load.pool} users for its arrivals, "
                    f"fewer than {count} workers",
                    remedy=f"Use fewer workers, or --set {stage.name}.max_users={count}.",
                )
    most = max(sum(load.pool for load in stage.loads) for stage in scenario.stages)
    if most < count:
        raise UsageError(f"the scenario has at most {most} users, fewer than {count} workers")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
