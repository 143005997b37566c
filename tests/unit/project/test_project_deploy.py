"""Containers and manifests: valid by their schemas, and right where schemas say nothing."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_tree import PROJECT, ROOT

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
IMAGE = f"loadkit:{PROJECT['project']['version']}"
UNPRIVILEGED = 10001


def checked(*command: str) -> subprocess.CompletedProcess[str]:
    """A checker, with its warnings as errors and without a network."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        # Whatever would fetch a schema ends up at a port where nobody is.
        env={"PATH": "/usr/bin:/bin", "https_proxy": "http://127.0.0.1:9", "NO_COLOR": "1"},
    )


@cache
def resources() -> tuple[dict[str, Any], ...]:
    """Every Kubernetes resource there is."""
    return tuple(
        document
        for path in MANIFESTS
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    )


def resource(kind: str, name: str) -> dict[str, Any]:
    (found,) = [r for r in resources() if (r["kind"], r["metadata"]["name"]) == (kind, name)]
    return found


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, pod) of everything that has a pod."""
    for item in resources():
        if item["kind"] in ("Job", "Deployment"):
            yield item["metadata"]["name"], item["spec"]["template"]["spec"]


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, pod in pods():
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            yield f"{name}/{container['name']}", container


def container(kind: str, name: str) -> dict[str, Any]:
    (found,) = resource(kind, name)["spec"]["template"]["spec"]["containers"]
    return dict(found)


# -- schemas ------------------------------------------------------------------------------------


def test_the_compose_file_is_valid() -> None:
    done = checked(
        *("check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_compose_file_is_not(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yml"
    wrong.write_text("services: {a: {image: x, restrat: always}}", encoding="utf-8")
    done = checked("check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(wrong))
    assert done.returncode == 1
    assert "restrat" in done.stdout + done.stderr


def test_the_manifests_are_valid() -> None:
    names = [str(path) for path in MANIFESTS]
    done = checked("kubernetes_validate", "-k", "1.32", "--strict", *names)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert said.count(" passed for resource ") == len(resources()) == 9


def test_a_wrong_manifest_is_not(tmp_path: Path) -> None:
    text = (DEPLOY / "kubernetes" / "worker.yaml").read_text(encoding="utf-8")
    wrong = tmp_path / "worker.yaml"
    wrong.write_text(text.replace("backoffLimit", "backoffLimits"), encoding="utf-8")
    assert checked("kubernetes_validate", "-k", "1.32", "--strict", str(wrong)).returncode == 1


# -- the commands -------------------------------------------------------------------------------


@cache
def options_of(*command: str) -> frozenset[str]:
    """Options that a command's help names."""
    done = subprocess.run(
        [sys.executable, "-m", *command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return frozenset(re.findall(r"(?<![\w-])--[a-z-]+", done.stdout + done.stderr))


def command_lines() -> list[tuple[str, list[str]]]:
    """(where, words) of every command that starts something of loadkit."""
    found = [(name, list(service["command"])) for name, service in SERVICES.items()]
    found += [
        (name, [*c["command"], *c.get("args", ())])
        for name, c in containers()
        if c["command"] != ["python", "-c"]
    ]
    return found


@pytest.mark.parametrize(("where", "words"), command_lines(), ids=lambda value: str(value)[:40])
def test_commands_are_understood(where: str, words: list[str]) -> None:
    known = {
        ("python", "-m", "loadkit.load", "worker"): ("loadkit.load", "worker"),
        ("python", "-m", "loadkit.reference"): ("loadkit.reference",),
        ("loadkit", "run"): ("loadkit", "run"),
    }
    ((start, module),) = [item for item in known.items() if tuple(words[: len(item[0])]) == item[0]]
    rest = words[len(start) :]
    options = [word for word in rest if word.startswith("--")]
    assert options, where
    assert set(options) - options_of(*module) == set()
    # Each of these options takes a value; what is left is the scenario.
    values = [rest[rest.index(option) + 1] for option in options]
    assert not any(value.startswith("--") for value in values)
    plain = [word for word in rest if word not in {*options, *values}]
    assert plain == ([] if module == ("loadkit.reference",) else ["scenario.py"])


def test_workers_meet_their_master() -> None:
    compose = SERVICES["load-worker"]["command"]
    assert compose[compose.index("--connect") + 1] == "load-master:5580"
    master = SERVICES["load-master"]["command"]
    assert master[master.index("--bind") + 1] == "0.0.0.0:5580"
    assert master[master.index("--expect-workers") + 1] == "${LOADKIT_WORKERS:-2}"
    assert SERVICES["load-worker"]["deploy"]["replicas"] == "${LOADKIT_WORKERS:-2}"

    job, args = resource("Job", "load-worker")["spec"], container("Job", "load-worker")["args"]
    assert args[args.index("--connect") + 1] == "load-master:5580"
    service = resource("Service", "load-master")["spec"]
    labels = resource("Job", "load-master")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert [port["port"] for port in service["ports"]] == [5580]
    ports = container("Job", "load-master")["ports"]
    assert ports == [{"name": service["ports"][0]["targetPort"], "containerPort": 5580}]
    args = container("Job", "load-master")["args"]
    assert args[args.index("--bind") + 1] == "0.0.0.0:5580"
    assert int(args[args.index("--expect-workers") + 1]) == job["parallelism"] == job["completions"]


def test_a_restarted_worker_is_no_new_worker() -> None:
    for name in ("load-master", "load-worker"):
        job = resource("Job", name)["spec"]
        assert job["backoffLimit"] == 0
        assert job["template"]["spec"]["restartPolicy"] == "Never"
        assert merged(name)["restart"] == "no"


def test_the_target_is_allowed_and_there() -> None:
    allowed = (DEPLOY / "loadkit.toml").read_text(encoding="utf-8")
    assert 'allow = ["cost-service"]' in allowed
    for words in (SERVICES["load-master"]["command"], container("Job", "load-master")["args"]):
        assert words[words.index("--host") + 1] == "http://cost-service:8080"
    ports = resource("Service", "cost-service")["spec"]["ports"]
    assert [port["port"] for port in ports] == [8080]


def test_the_scenario_can_be_planned() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadkit", "plan", "scenario.py", "--no-smoke", "--json"],
        cwd=DEPLOY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert (plan["name"], plan["stack"], plan["arrivals"]) == ("deployed", "none", 6500)


@pytest.mark.parametrize("name", ["scenario.py", "loadkit.toml"])
def test_kubernetes_has_the_same_files(name: str) -> None:
    data = resource("ConfigMap", "load-scenario")["data"]
    assert data[name] == (DEPLOY / name).read_text(encoding="utf-8")


# -- safety -------------------------------------------------------------------------------------


def merged(name: str) -> dict[str, Any]:
    """A service of the compose file; YAML has merged what it shares with others."""
    return SERVICES[name]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_ports_are_published_on_loopback_only(name: str) -> None:
    service = merged(name)
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service.get("ports", ()))
    assert "network_mode" not in service


def test_the_data_port_is_not_published() -> None:
    assert "ports" not in merged("load-master")
    assert "ports" not in merged("load-worker")
    kinds = {item["spec"].get("type") for item in resources() if item["kind"] == "Service"}
    assert kinds == {None}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_services_are_confined(name: str) -> None:
    service = merged(name)
    assert service["image"] == IMAGE
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"]
    for volume in service.get("volumes", ()):
        source, _, mode = (
            volume.split(":") if volume.count(":") == 2 else (*volume.split(":"), "rw")
        )
        assert source.startswith("./")
        assert (ROOT / source).exists()
        assert mode == "ro" or source == "./reports"


def test_the_compose_file_has_no_version() -> None:
    assert "version" not in COMPOSE


def test_the_token_comes_from_the_environment_and_has_no_default() -> None:
    for name in ("load-master", "load-worker"):
        token = merged(name)["environment"]["LOADKIT_TOKEN"]
        assert re.fullmatch(r"\$\{LOADKIT_TOKEN:\?[^}]+\}", token)
        wanted = {"secretKeyRef": {"name": "load-token", "key": "token"}}
        (variable,) = container("Job", name)["env"]
        assert variable == {"name": "LOADKIT_TOKEN", "valueFrom": wanted}
    assert not any(item["kind"] == "Secret" for item in resources())
    assert "environment" not in merged("cost-service")


@pytest.mark.parametrize(("name", "pod"), list(pods()), ids=[name for name, _ in pods()])
def test_pods_are_restricted(name: str, pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == UNPRIVILEGED
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert not any("hostPath" in volume for volume in pod["volumes"])


@pytest.mark.parametrize(("name", "told"), list(containers()), ids=[n for n, _ in containers()])
def test_containers_are_restricted(name: str, told: dict[str, Any]) -> None:
    assert told["image"] == IMAGE
    assert told["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert told["resources"]["limits"]["memory"]
    assert told["resources"]["requests"]["cpu"]


def test_a_worker_has_a_core_and_is_not_throttled() -> None:
    wanted = container("Job", "load-worker")["resources"]
    assert wanted["requests"]["cpu"] == "1"
    assert "cpu" not in wanted["limits"]


def test_only_workers_reach_the_master() -> None:
    policy = resource("NetworkPolicy", "load-master")["spec"]
    master = resource("Job", "load-master")["spec"]["template"]["metadata"]["labels"]
    worker = resource("Job", "load-worker")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= master.items()
    assert not policy["podSelector"]["matchLabels"].items() <= worker.items()
    (rule,) = policy["ingress"]
    (source,) = rule["from"]
    assert source["podSelector"]["matchLabels"].items() <= worker.items()
    assert not source["podSelector"]["matchLabels"].items() <= master.items()
    assert rule["ports"] == [{"protocol": "TCP", "port": 5580}]
    closed = resource("NetworkPolicy", "load-worker")["spec"]
    assert closed["podSelector"]["matchLabels"].items() <= worker.items()
    assert closed["policyTypes"] == ["Ingress"]
    assert "ingress" not in closed


# -- health -------------------------------------------------------------------------------------


def says(service: str, table: str, tmp_path: Path) -> bool:
    """Whether the health check of a service is content with a table of connections."""
    kind, command = merged(service)["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    words = shlex.split(command)
    assert words[-2:] == ["/proc/net/tcp", "/proc/net/tcp6"]
    path = tmp_path / "tcp"
    path.write_text(table, encoding="utf-8")
    return subprocess.run([*words[:-2], str(path)], check=False).returncode == 0


def tables() -> tuple[str, str, str]:
    """This machine's own connections with the port in question put in: listening, connected, and
    neither."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            lines = Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()
    head, number = lines[0], f":{port:04X}"
    mine = [line for line in lines if number in line]
    listens = [line.replace(number, ":15CC") for line in mine if line.split()[3] == "0A"]
    dialled = [
        line.replace(number, ":15CC")
        for line in mine
        if line.split()[2].endswith(number) and line.split()[3] == "01"
    ]
    assert len(listens) == len(dialled) == 1
    neither = [line for line in lines[1:] if ":15CC" not in line]
    return tuple("\n".join([head, *part, ""]) for part in (listens, dialled, neither))  # type: ignore[return-value]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs /proc")
def test_health_checks_know_who_listens_and_who_is_connected(tmp_path: Path) -> None:
    listens, connected, neither = tables()
    assert says("load-master", listens, tmp_path)
    assert not says("load-master", connected, tmp_path)
    assert not says("load-master", neither, tmp_path)
    assert says("load-worker", connected, tmp_path)
    assert not says("load-worker", listens, tmp_path)
    assert not says("load-worker", neither, tmp_path)


# -- the image ----------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines]
    known = {"FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "CMD"}
    assert {name for name, _ in found} <= known
    return found


def of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def test_the_base_image_is_pinned() -> None:
    bases = [rest.split()[0] for rest in of("FROM")]
    assert len(bases) == 2
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", bases[0])


def test_packages_are_installed_by_their_hashes() -> None:
    installs = [run for run in of("RUN") if "pip install" in run]
    locked, own = installs
    assert "--require-hashes --requirement requirements.lock" in locked
    assert "--no-deps --no-build-isolation" in own


def test_the_image_runs_unprivileged() -> None:
    assert of("USER") == [f"{UNPRIVILEGED}:{UNPRIVILEGED}"]
    names = [name for name, _ in instructions()]
    assert not any(name in ("RUN", "COPY") for name in names[names.index("USER") :])


def test_the_image_gets_what_it_is_built_from_and_nothing_else() -> None:
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    rules = [line for line in ignore if line and not line.startswith("#")]
    assert rules[0] == "*"
    sent = {line[1:] for line in rules if line.startswith("!")}
    copied = {
        source
        for rest in of("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    assert copied == sent
    assert all((ROOT / name).exists() for name in copied)


def test_what_the_package_is_built_from_is_copied() -> None:
    project = PROJECT["project"]
    needed = {project["readme"], *project["license-files"], "pyproject.toml", "loadkit"}
    needed |= {
        Path(name).parts[0]
        for names in PROJECT["tool"]["setuptools"]["data-files"].values()
        for name in names
    }
    copied = {word for rest in of("COPY") for word in rest.split()[:-1]}
    assert needed - copied == set()


def test_no_secret_is_in_the_image() -> None:
    assert not any("TOKEN" in rest for name, rest in instructions() if name in ("ENV", "RUN"))
