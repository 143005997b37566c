"""The tracker inside the service: started, stopped and bounded through the fault port."""

import time
from collections.abc import Iterator
from pathlib import Path

import memray
import pytest
from reference_service import TOKEN, Running, call, running

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("memory")) as started:
        yield started


def leaked(file: Path) -> dict[str, int]:
    """Bytes that were not freed, by the function that allocated them."""
    found: dict[str, int] = {}
    with memray.FileReader(file) as reader:
        for record in reader.get_leaked_allocation_records(merge_threads=True):
            trace = record.stack_trace(max_stacks=1)
            if trace:
                found[trace[0][0]] = found.get(trace[0][0], 0) + record.size
    return found


def test_a_leak_is_in_the_file_by_its_function_and_size(service: Running, tmp_path: Path) -> None:
    file = tmp_path / "tracked.bin"
    service.post()
    started = service.fault("POST", "/memory", {"file": str(file), "duration": 60})
    assert started.status == 201, started.body
    assert service.fault("GET", "/memory").json["active"]["file"] == str(file)
    again = service.fault("POST", "/memory", {"file": str(tmp_path / "other.bin")})
    assert (again.status, again.json["title"]) == (409, "Conflict")
    fault = service.fault("POST", "/faults", {"kind": "leak", "value": 4096}).json["id"]
    for _ in range(200):
        assert service.post().status == 201
    service.fault("DELETE", f"/faults/{fault}")
    ended = service.fault("DELETE", "/memory")
    assert ended.status == 200
    lasted = int(ended.json["end_monotonic_ns"]) - int(ended.json["start_monotonic_ns"])
    assert 0 < lasted < 60e9
    assert service.fault("GET", "/memory").json == {"active": None, "last": ended.json}
    assert service.fault("DELETE", "/memory").status == 404
    # The list grows by an eighth more than it needs.
    assert 200 * 4096 * 0.99 <= leaked(file)["leak_bytes"] <= 200 * 4096 * 1.01
    with memray.FileReader(file) as reader:
        assert TOKEN not in reader.metadata.command_line
    assert TOKEN.encode() not in file.read_bytes()


def test_tracking_ends_by_itself(service: Running, tmp_path: Path) -> None:
    file = tmp_path / "short.bin"
    assert service.fault("POST", "/memory", {"file": str(file), "duration": 0.3}).status == 201
    deadline = time.monotonic() + 20
    while service.fault("GET", "/memory").json["active"] is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with memray.FileReader(file) as reader:
        assert reader.metadata.pid == service.process.pid


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 422, "absolute path"),
        ({"file": "here.bin"}, 422, "absolute path"),
        ({"file": "/nowhere/at/all.bin"}, 422, "folder"),
        ({"file": "{here}", "duration": 0}, 422, "duration"),
        ({"file": "{here}", "duration": "1"}, 422, "number of seconds"),
        ({"file": "{there}"}, 409, "nothing is overwritten"),
        ({"file": "{here}", "kind": 1}, 422, "unknown field 'kind'"),
    ],
)
def test_nonsense_is_refused(
    service: Running, tmp_path: Path, body: dict[str, object], status: int, text: str
) -> None:
    (tmp_path / "there.bin").write_bytes(b"precious")
    places = {"{here}": str(tmp_path / "new.bin"), "{there}": str(tmp_path / "there.bin")}
    told = {key: places.get(str(value), value) for key, value in body.items()}
    answer = service.fault("POST", "/memory", told)
    assert answer.status == status
    assert text in answer.json["detail"]
    assert (tmp_path / "there.bin").read_bytes() == b"precious"
    assert service.fault("GET", "/memory").json["active"] is None


def test_without_the_token_nothing_is_tracked(service: Running, tmp_path: Path) -> None:
    assert service.faults is not None
    body = {"file": str(tmp_path / "secret.bin")}
    assert call(service.faults, "POST", "/memory", body).status == 401
    assert call(service.faults, "DELETE", "/memory").status == 401
    assert not (tmp_path / "secret.bin").exists()
