"""pytest plugin: a test that runs a load and asserts objectives.

::

    @pytest.mark.loadkit(url="http://127.0.0.1:8000/", rate=50, duration="10s")
    def test_the_front_page_is_quick(loadkit):
        run = loadkit.run(slo=["p95 < 300 ms", "errors < 1 %"])
        run.check()  # objectives, alerts, and whether the generator could be trusted
        assert run.response("p99") < 1.0

Options of ``loadkit run`` are keywords: ``max_rate=100`` is ``--max-rate 100``, a list is an option
given several times, True one without a value. Those of the marker come first, those of ``run`` win.
Pytest itself imports this module at every start, so it imports next to nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from loadkit.analyse.result import Analysis, Percentiles

_JUDGED = (0, 3, 4, 5)
"""Exit statuses of a run that was measured and judged; after others there is nothing to assert."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        directory: its bundle, with report.html in it.
        exit_status: as ``loadkit run`` ended (docs/exit-statuses.md).
        analysis: everything the report says.
        output: what the run printed for a terminal.
    """

    directory: Path
    exit_status: int
    analysis: Analysis
    output: str

    def check(self) -> None:
        """Fails the test unless all that was to be judged passed; inconclusive is no pass.

        Raises:
            AssertionError: an objective was missed, an alert was not as declared, data was missing,
                or the load generator was the bottleneck. It names each with what was observed.
        """
        __tracebackhide__ = True
        if self.exit_status != 0:
            raise AssertionError(
                "\n".join([self.analysis.headline, *self._failures(), *self._where()])
            )

    def response(self, quantile: str, stage: str | None = None) -> float:
        """A percentile of response time in seconds: "p50", "p90", "p95", "p99", "p999", "max".

        Of the busiest measured stage unless one is named.

        Raises:
            AssertionError: it is not known.
        """
        value: float | None = getattr(self._times(stage), quantile)
        assert value is not None, f"{quantile} is not known: no response was recorded"
        return value

    def _times(self, stage: str | None) -> Percentiles:
        from loadkit.report.keynumbers import busiest_stage

        if stage is None:
            found = busiest_stage(self.analysis)
        else:
            found = next((s for s in self.analysis.stages if s.name == stage), None)
        names = ", ".join(s.name for s in self.analysis.stages)
        assert found is not None, f"there is no measured stage {stage or ''}; stages: {names}"
        return found.response

    def _failures(self) -> Iterator[str]:
        for slo in self.analysis.slos:
            if slo.verdict.status.value != "passed":
                yield f"  {slo.slo} in {slo.stage}: {slo.verdict.status}, {slo.verdict.observed}"
        for alert in self.analysis.alerts:
            verdict = alert.verdict
            if alert.role != "shown" and verdict and verdict.status.value != "passed":
                yield f"  {alert.name}: {verdict.status}, {alert.note or verdict.observed}"
        yield from (f"  missing: {words}" for words in self.analysis.missing)

    def _where(self) -> Iterator[str]:
        yield f"  exit status {self.exit_status}; report: {self.directory / 'report.html'}"


class Runner:
    """The fixture: runs a load and waits for its end."""

    def __init__(
        self, settings: Mapping[str, Any], reports: Path, record: Callable[[str, object], None]
    ) -> None:
        """``settings``: of the markers. ``record``: takes what a JUnit report is to show."""
        self._settings = dict(settings)
        self._reports = reports
        self._record = record

    def run(self, file: str | Path | None = None, **options: Any) -> Run:
        """Runs a scenario or locustfile, or without one the ``url`` given; returns when it is over.

        Raises:
            pytest.fail.Exception: nothing could be measured: wrong usage, or loadkit failed.
        """
        __tracebackhide__ = True
        settings = self._settings | options
        file = file or settings.pop("file", None)
        settings.pop("file", None)
        command = [sys.executable, "-m", "loadkit", "run", *([str(file)] if file else [])]
        command += ["--reports", str(self._reports), *_words(settings)]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode not in _JUDGED or not done.stdout.strip():
            pytest.fail(f"loadkit run ended with {done.returncode}:\n{done.stderr}", pytrace=False)
        directory = Path(done.stdout.strip().splitlines()[-1])
        result = Run(directory, done.returncode, _analysis(directory), done.stderr)
        self._tell(result)
        return result

    def _tell(self, run: Run) -> None:
        self._record("loadkit_report", str(run.directory / "report.html"))
        self._record("loadkit_verdict", run.analysis.verdict)
        self._record("loadkit_exit_status", run.exit_status)


def _analysis(directory: Path) -> Analysis:
    from loadkit.analyse import analyse
    from loadkit.bundle.reader import load_run

    return analyse(load_run(directory))


def _words(settings: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in settings.items():
        option = f"--{name.replace('_', '-')}"
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is True:
                words.append(option)
            elif one is not None and one is not False:
                words.append(f"{option}={one}")
    return words


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of pytest."""
    group = parser.getgroup("loadkit")
    group.addoption(
        "--loadkit-reports",
        type=Path,
        metavar="DIR",
        help="where bundles of loads go (default: pytest's temporary folder of the test)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declares the marker."""
    config.addinivalue_line(
        "markers", "loadkit(**options): options of `loadkit run` for the loadkit fixture"
    )


@pytest.fixture
def loadkit(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> Runner:
    """Runs loads: ``loadkit.run(…).check()``."""
    settings: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("loadkit"))):  # the nearest one wins
        settings |= mark.kwargs
        if mark.args:
            settings["file"] = mark.args[0]
    reports = request.config.getoption("--loadkit-reports") or tmp_path / "reports"
    return Runner(settings, Path(reports), record_property)
