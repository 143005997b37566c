"""The three servers that watch: node exporter, Alertmanager, Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from loadkit.stack import prometheus_config, timescale
from loadkit.stack.binaries import Binary
from loadkit.stack.freeports import LOOPBACK
from loadkit.stack.server import Place, Server

_LOOKBACK_MS = 5 * 60_000  # Prometheus' own default, divided like everything else
_RESEND_MS = 60_000  # likewise: how often a firing alert is told to Alertmanager again
_RETENTION = "30d"  # nothing of a run is ever forgotten


class NodeExporter(Server):
    """The host's CPU, memory, disks and network."""

    name = "node_exporter"
    title = "node exporter"
    health_path = "/"

    def prepare(self, port: int) -> Sequence[str]:
        """See Server."""
        return (
            f"--web.listen-address={LOOPBACK}:{port}",
            # Debian switches this one on; it needs the system bus.
            "--no-collector.systemd",
            # It complains at each scrape about a folder that only the installed package has.
            "--no-collector.textfile",
        )


class Alertmanager(Server):
    """Routes alerts to receivers; alone, without a cluster.

    Args:
        place: see Place.
        binary: the program.
        text: its configuration, already with harmless receivers.
    """

    name = "alertmanager"
    title = "Alertmanager"
    health_path = "/-/ready"

    def __init__(self, place: Place, binary: Binary, text: str) -> None:
        super().__init__(place, binary)
        self._text = text

    def prepare(self, port: int) -> Sequence[str]:
        """See Server."""
        config = self.place.directory / "alertmanager.yml"
        config.write_text(self._text, encoding="utf-8")
        return (
            f"--config.file={config}",
            f"--storage.path={self.place.directory / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
            f"--web.external-url=http://{LOOPBACK}:{port}",
            "--cluster.listen-address=",
        )


class Prometheus(Server):
    """Scrapes, evaluates the rules, keeps the samples in ``data``.

    Args:
        place: see Place.
        binary: the program.
        text: the prometheus.yml whose jobs are followed.
        rule_files: (name, text), prepared already.
        ports: gives the ports of the jobs' sources, once they are up; without Prometheus' own.
        alertmanager: gives Alertmanager's port.
        scale: what intervals are divided by.
    """

    name = "prometheus"
    title = "Prometheus"
    needs = ("service", "node_exporter", "alertmanager")
    health_path = "/-/ready"
    grace_s = 10.0

    def __init__(
        self,
        place: Place,
        binary: Binary,
        *,
        text: str,
        rule_files: Sequence[tuple[str, str]],
        ports: Callable[[], Mapping[str, int]],
        alertmanager: Callable[[], int],
        scale: int,
    ) -> None:
        super().__init__(place, binary)
        self._text = text
        self._rule_files = rule_files
        self._ports = ports
        self._alertmanager = alertmanager
        self._scale = scale

    @property
    def working_directory(self) -> Path:
        """Its own folder, so that it finds its files by relative names."""
        return self.place.directory

    def prepare(self, port: int) -> Sequence[str]:
        """See Server."""
        folder = self.place.directory.absolute()
        config = folder / "prometheus.yml"
        config.write_text(
            prometheus_config.generate(
                self._text,
                ports={**self._ports(), "prometheus": port},
                alertmanager_port=self._alertmanager(),
                rule_files=self._write_rules(folder / "rules"),
                scale=self._scale,
            ),
            encoding="utf-8",
        )
        return (
            # Relative, as the rule files in it are: their names become labels, and a bundle is not
            # to tell where it was made.
            f"--config.file={config.name}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--storage.tsdb.retention.time={_RETENTION}",
            f"--web.listen-address={LOOPBACK}:{port}",
            f"--web.external-url=http://{LOOPBACK}:{port}",
            "--web.enable-lifecycle",
            f"--query.lookback-delta={self._scaled(_LOOKBACK_MS)}",
            f"--rules.alert.resend-delay={self._scaled(_RESEND_MS)}",
        )

    def _scaled(self, milliseconds: int) -> str:
        return timescale.format_ms(timescale.scale_ms(milliseconds, self._scale))

    def _write_rules(self, folder: Path) -> list[Path]:
        folder.mkdir(exist_ok=True)
        paths = []
        for name, text in self._rule_files:
            path = folder / Path(name).name
            path.write_text(text, encoding="utf-8")
            paths.append(path.relative_to(folder.parent))
        return paths
