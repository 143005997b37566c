"""The folder of runs: listed, found by name, removed with care."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from loadkit.bundle.manifest import Manifest, load_manifest
from loadkit.bundle.writer import BundleWriter, create
from loadkit.cli import main
from loadkit.errors import LoadkitError, UsageError
from loadkit.report import shelf
from loadkit.report.shelf_summary import from_json
from loadkit.run import shelf as folder
from loadkit.run.context import Run, Screen
from loadkit.run.finish import judge
from loadkit.run.plan import Plan
from loadkit.run.shelf import entries, resolve
from loadkit.run.shelf_tidy import check_removable, remove, to_prune

CREATED = "2026-11-{:02d}T10:00:00.000Z"


def _bundle(reports: Path, day: int, name: str = "peak", **values: object) -> Path:
    """A whole, if empty, bundle."""
    path = reports / f"2026-11-{day:02d}T10-00-00-{name}"
    given = {
        "name": name,
        "run_id": f"r{day}{name}",
        "created": CREATED.format(day),
        "loadkit_version": "0",
        "state": "complete",
        "load_end": {"reason": "finished", "message": None},
    } | values
    create(path, Manifest(**given)).release_reserve()  # type: ignore[arg-type]
    return path


def _age(path: Path) -> None:
    """As if nobody had touched it for long."""
    for file in (path, *path.rglob("*")):
        os.utime(file, (1_000_000_000, 1_000_000_000))


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    made = tmp_path / "reports"
    made.mkdir()
    (made / "README.md").write_text("x")
    return made


def test_runs_are_newest_first_and_what_is_none_is_said_last(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _bundle(reports, 1)
    _bundle(reports, 3, "soak")
    _bundle(reports, 2)
    (reports / "notes").mkdir()
    (reports / ".hidden").mkdir()
    (reports / "cut").mkdir()
    (reports / "cut" / "manifest.json").write_text('{"format": "loadkit-bundle", "ver')
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "run", "2026-11-03T10-00-00-soak", "2026-11-02T10-00-00-peak", "2026-11-01T10-00-00-peak",
        "cut:", "notes:",
    ]  # fmt: skip
    assert "no bundle: manifest.json is missing" in lines[-1]
    assert "broken: cannot be read" in lines[-2]
    assert main(["list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in told["runs"]] == ["soak", "peak", "peak"]
    assert told["runs"][0]["summary"]["p95_s"] is None
    assert [other["state"] for other in told["others"]] == ["broken", "foreign"]


def test_a_bundle_is_analysed_once(reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _bundle(reports, 1)
    assert entries(reports, analysing=False)[0].summary is None
    (made,) = entries(reports, analysing=True)
    assert made.summary is not None and (path / "summary.json").exists()
    monkeypatch.setattr(folder, "analyse", lambda _run: pytest.fail("analysed again"))
    assert entries(reports, analysing=True) == [made]


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "loadkit-summary/0"}', "\udcff"])
def test_a_summary_that_is_broken_is_made_again(reports: Path, text: str) -> None:
    path = _bundle(reports, 1)
    (path / "summary.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    (entry,) = entries(reports, analysing=True)
    assert entry.summary is not None and entry.summary.run_id == "r1peak"


def test_the_summary_of_another_run_does_not_count(reports: Path) -> None:
    first, second = _bundle(reports, 1), _bundle(reports, 2)
    entries(reports, analysing=True)
    (second / "summary.json").write_text((first / "summary.json").read_text())
    found = {entry.folder: entry for entry in entries(reports, analysing=True)}
    summary = found[second.name].summary
    assert summary is not None and summary.run_id == "r2peak"


def test_a_bundle_that_cannot_be_analysed_is_broken_and_the_others_are_listed(
    reports: Path,
) -> None:
    bad = _bundle(reports, 1)
    (bad / "tables" / "flow.parquet").write_text("PAR1")
    _bundle(reports, 2)
    good, broken = entries(reports, analysing=True)
    assert (good.state, broken.state, broken.folder) == ("complete", "broken", bad.name)
    assert broken.why.startswith("broken: cannot be read")


def test_a_run_under_way_is_running_and_one_whose_process_is_gone_crashed(reports: Path) -> None:
    now = datetime.now(UTC).isoformat()
    _bundle(reports, 3, created=now, state="running", supervisor_pid=os.getpid())
    # The number of a process that began later than the run: it was given away again.
    reused = _bundle(reports, 1, state="running", supervisor_pid=os.getpid(),
                     created="2001-01-01T00:00:00Z", load_end=None)  # fmt: skip
    _age(reused)
    gone = _bundle(reports, 2, state="running", supervisor_pid=2**22 + 1, load_end=None)
    _age(gone)
    found = {entry.folder: entry.state for entry in entries(reports, analysing=True)}
    assert sorted(found.values()) == ["crashed", "crashed", "running"]
    assert found[reused.name] == found[gone.name] == "crashed"


def test_a_bundle_that_grew_just_now_is_running_wherever_its_process_is(reports: Path) -> None:
    path = _bundle(reports, 1, state="running", supervisor_pid=2**22 + 1)
    with pytest.raises(UsageError, match="under way"):
        remove(path)
    assert path.exists()


def test_names(reports: Path, tmp_path: Path) -> None:
    first, second = _bundle(reports, 1), _bundle(reports, 2, "soak")
    assert resolve(reports, first.name) == first
    assert resolve(reports, "2026-11-02") == second
    assert resolve(reports, "latest") == second
    assert resolve(reports, "reports/x") == Path("reports/x")
    with pytest.raises(UsageError, match="beginning of 2 runs"):
        resolve(reports, "2026-11")
    with pytest.raises(UsageError, match="Did you mean 2026-11-02T10-00-00-soak"):
        resolve(reports, "2026-11-02T10-00-00-soap")
    with pytest.raises(UsageError, match="no run yet"):
        resolve(tmp_path / "none", "latest")


def test_show_is_the_summary_of_the_end_of_a_run(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _bundle(reports, 1)
    assert main(["show", "latest"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("peak · 2026-11-01 10:00:00.000 UTC\n")
    assert f"bundle     reports/{path.name}" in out and "report  " not in out
    assert main(["show", "nope"]) == 2
    assert "there is no run 'nope'" in capsys.readouterr().err


def test_rm_asks_and_does_nothing_without_an_answer(
    reports: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _bundle(reports, 1)
    assert main(["rm", "latest"]) == 2
    assert "--yes" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _text: "n")
    assert main(["rm", "latest"]) == 0
    assert capsys.readouterr().out.endswith("nothing was removed\n")
    assert path.exists()
    monkeypatch.setattr("builtins.input", lambda _text: "y")
    assert main(["rm", "latest"]) == 0
    assert not path.exists() and sorted(p.name for p in reports.iterdir()) == [
        "README.md", "index.html",
    ]  # fmt: skip


def test_rm_removes_nothing_when_one_of_the_names_is_no_run(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _bundle(reports, 1)
    (reports / "mine").mkdir()
    (reports / "mine" / "thesis.txt").write_text("years of work")
    assert main(["rm", "--yes", path.name, "mine"]) == 2
    assert "no bundle: manifest.json is missing" in capsys.readouterr().err
    assert path.exists() and (reports / "mine" / "thesis.txt").exists()


def test_what_is_not_removed(reports: Path, tmp_path: Path) -> None:
    path = _bundle(reports, 1)
    link = reports / "link"
    link.symlink_to(path)
    with pytest.raises(UsageError, match="a link"):
        check_removable(link)
    other = tmp_path / "site"
    other.mkdir()
    (other / "manifest.json").write_text('{"name": "my web app"}')
    with pytest.raises(UsageError, match="no bundle that loadkit understands"):
        check_removable(other)


def test_a_removal_that_was_cut_short_is_finished_by_the_next(reports: Path) -> None:
    path = _bundle(reports, 1)
    left = reports / f".removing-{path.name}"
    (left / "tables").mkdir(parents=True)
    assert [entry.folder for entry in entries(reports, analysing=False)] == [path.name]
    remove(path)
    assert not left.exists() and not path.exists()


def test_prune_keeps_the_newest_and_leaves_what_runs(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC).isoformat()
    paths = [_bundle(reports, day) for day in (1, 2, 3, 4)]
    running = _bundle(reports, 30, created=now, state="running", supervisor_pid=os.getpid())
    (reports / "notes").mkdir()
    assert main(["prune", "--keep", "2", "--dry-run"]) == 0
    assert capsys.readouterr().out == (
        f"would remove reports/{paths[1].name}\nwould remove reports/{paths[0].name}\n"
    )
    assert all(path.exists() for path in paths)
    assert main(["prune", "--keep", "2", "--yes"]) == 0
    assert [path.exists() for path in (*paths, running)] == [False, False, True, True, True]
    assert (reports / "notes").exists()
    assert main(["prune", "--keep", "2", "--yes"]) == 0
    assert capsys.readouterr().out.endswith("nothing to remove\n")


def test_prune_by_age_leaves_what_has_no_date(reports: Path) -> None:
    for day in (1, 10, 20):
        _bundle(reports, day)
    _bundle(reports, 5, "odd", created="yesterday")
    found = entries(reports, analysing=False)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    a_day = 86400.0
    assert [e.folder[:10] for e in to_prune(found, older_s=5 * a_day, now=now)] == [
        "2026-11-10", "2026-11-01",
    ]  # fmt: skip
    both = to_prune(found, keep=1, older_s=15 * a_day, now=now)
    assert {e.folder[:10] for e in both} == {"2026-11-01", "2026-11-10", "2026-11-20"}
    assert to_prune(found, older_s=50 * a_day, now=now) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["prune"], "--keep N, --older 30d"),
        (["prune", "--keep", "0"], "not a whole number above 0"),
        (["prune", "--older", "soon"], "not understood"),
        (["prune", "--older=-1d"], "not a number above 0"),
        (["list", "--reports", "nowhere"], "there is no such folder"),
        (["list", "--json", "--html"], "not allowed with"),
        (["rm"], "required"),
    ],
)
def test_wrong_words(
    reports: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    assert main(words) == 2
    assert says in capsys.readouterr().err


def test_an_index_of_somebody_else_is_never_overwritten(
    reports: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _bundle(reports, 1)
    (reports / "index.html").write_text("<h1>my site</h1>")
    assert main(["list", "--html"]) == 1
    assert "that loadkit did not write" in capsys.readouterr().err
    folder.renew_index(reports)
    assert (reports / "index.html").read_text() == "<h1>my site</h1>"
    (reports / "index.html").unlink()
    assert main(["list", "--html"]) == 0
    assert shelf.MARK in (reports / "index.html").read_text()
    assert main(["list", "--html"]) == 0


def test_no_folder_is_no_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 0
    assert "no run in reports yet" in capsys.readouterr().err
    (tmp_path / "loadkit.toml").write_text('[run]\nreports = "runs"\n')
    _bundle(tmp_path / "runs", 1)
    assert main(["list"]) == 0
    assert "2026-11-01T10-00-00-peak" in capsys.readouterr().out


def test_a_folder_that_cannot_be_read_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(LoadkitError, match="cannot be read") as told:
        entries(file, analysing=False)
    assert "--reports" in (told.value.remedy or "")


def test_a_run_leaves_its_summary_and_renews_the_page(reports: Path) -> None:
    older = _bundle(reports, 1)
    path = _bundle(reports, 2)
    manifest = load_manifest(path)
    run = Run(path, manifest, BundleWriter(path), cast(Plan, None), cast(Screen, None))
    outcome = judge(run)
    summary = from_json((path / "summary.json").read_text())
    assert summary is not None and summary.verdict == outcome.analysis.verdict
    page = (reports / "index.html").read_text()
    assert f'href="{path.name}/report.html"' in page
    # The older one has no summary yet: it stands there with dashes, and is not analysed for that.
    assert older.name in page and not (older / "summary.json").exists()
