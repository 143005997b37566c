"""From ``--rules guide | corrected | FILE`` to the rule files that a run's Prometheus loads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadkit.alerts import promql, promtool
from loadkit.alerts.rules import Rule, RuleFile
from loadkit.alerts.sources import Missing, without_source
from loadkit.errors import StackError, UsageError
from loadkit.stack import timescale
from loadkit.stack.config_files import SETS, config_file
from loadkit.stack.prometheus_config import intervals

RULE_FILES = ("alerts.yml", "recording-rules.yml")


@dataclass(frozen=True, slots=True)
class AlertRule:
    """An alert that the run's Prometheus evaluates.

    ``for_s`` and ``interval_s`` are seconds as in the file, the ``scaled_`` ones and
    ``scaled_expr`` as in the run. ``window_sized`` names functions whose value changes with the
    scale of time, so that a threshold on them means something else in the run.
    """

    name: str
    file: str
    line: int
    group: str
    expr: str
    scaled_expr: str
    for_s: float
    scaled_for_s: float
    interval_s: float
    scaled_interval_s: float
    severity: str | None
    labels: dict[str, str]
    annotations: dict[str, str]
    window_sized: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WithheldRule:
    """A rule that the stack has no source for. ``kind`` is ``alert`` or ``record``."""

    name: str
    kind: str
    file: str
    line: int
    job: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefusedRule:
    """What Prometheus refuses to load: a rule, or with ``name`` None the file."""

    file: str
    name: str | None
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class PreparedRules:
    """Rule files to run with, and what became of every rule.

    ``source`` is ``guide``, ``corrected`` or a path. ``files`` are (name, text) with everything
    divided by ``scale``.
    """

    source: str
    files: tuple[tuple[str, str], ...]
    alerts: tuple[AlertRule, ...]
    withheld: tuple[WithheldRule, ...]
    refused: tuple[RefusedRule, ...]
    scale: int


def prepare_rules(
    source: str,
    *,
    promtool_path: Path,
    jobs: Collection[str],
    scale: int = timescale.SCALE,
) -> PreparedRules:
    """Reads, checks, thins out and divides.

    Args:
        source: ``guide``, ``corrected`` or the path of a rule file.
        promtool_path: the promtool of the Prometheus that is to load them.
        jobs: those the stack has.
        scale: what all intervals are divided by.

    Raises:
        UsageError: a file that cannot be read or that promtool refuses; of the guide's files only
            that much is left out.
        StackError: promtool or the shipped files are missing.
    """
    refused: list[RefusedRule] = []
    lost: dict[str, Missing] = {}
    files = []
    for name, text in _read(source):
        if source == "guide":
            file = _loadable(promtool_path, name, text, refused, lost)
        else:
            file = valid_file(promtool_path, name, text)
        if file is not None:
            files.append(file)
    kept, withheld = _withhold(files, jobs, lost)
    scaled = [file.scaled(scale) for file in kept]
    for file in scaled:
        _must_load(promtool_path, file)
    return PreparedRules(
        source=source,
        files=tuple((Path(file.name).name, file.text()) for file in scaled),
        alerts=_alerts(kept, scaled, scale),
        withheld=withheld,
        refused=tuple(refused),
        scale=scale,
    )


def _read(source: str) -> list[tuple[str, str]]:
    if source in SETS:
        paths = [config_file(source, name) for name in RULE_FILES]
        return [(path.name, path.read_text(encoding="utf-8")) for path in paths]
    path = Path(source)
    remedy = f"Give a rule file, or one of: {', '.join(SETS)}."
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise UsageError(f"the rule file {what}", where=source, remedy=remedy)
    try:
        return [(source, path.read_text(encoding="utf-8"))]
    except UnicodeDecodeError as error:
        raise UsageError("the rule file is not UTF-8", where=source, remedy=remedy) from error
    except OSError as error:
        raise UsageError(
            f"the rule file cannot be read: {error.strerror}", where=source, remedy=remedy
        ) from error


def valid_file(promtool_path: Path, name: str, text: str) -> RuleFile:
    """A rule file that Prometheus would load.

    Raises:
        UsageError: it would not.
        StackError: promtool cannot be executed.
    """
    complaints = promtool.check(promtool_path, name, text)
    if complaints:
        told = "\n".join(_sentence(complaint) for complaint in complaints)
        raise UsageError(
            f"Prometheus refuses the rule file:\n{told}",
            where=name,
            remedy=f"See promtool check rules {name}",
        )
    return RuleFile(name, text)


def _sentence(complaint: promtool.Complaint) -> str:
    if complaint.group is None:
        return complaint.reason
    return f"line {complaint.line}: {complaint.name} in {complaint.group}: {complaint.reason}"


def _loadable(
    promtool_path: Path,
    name: str,
    text: str,
    refused: list[RefusedRule],
    lost: dict[str, Missing],
) -> RuleFile | None:
    """What is left of the file when refused rules are taken out; None when it is the file."""
    file: RuleFile | None = None
    lines: dict[tuple[str, str], int] = {}
    while True:
        complaints = promtool.check(promtool_path, name, text)
        if not complaints:
            return file or RuleFile(name, text)
        if any(complaint.group is None for complaint in complaints):
            whole = [c.reason for c in complaints if c.group is None]
            refused.append(RefusedRule(name, None, None, "; ".join(whole)))
            return None
        file = file or RuleFile(name, text)
        lines = lines or {(rule.group, rule.name): rule.line for rule in file.rules()}
        for complaint in complaints:
            rule_name = str(complaint.name)
            line = lines.get((str(complaint.group), rule_name))
            refused.append(RefusedRule(name, rule_name, line, complaint.reason))
            lost[rule_name] = Missing("", f"Prometheus refuses {rule_name}")
        file = file.without({(str(c.group), int(c.index or 0)) for c in complaints})
        text = file.text()


def _withhold(
    files: Sequence[RuleFile], jobs: Collection[str], lost: dict[str, Missing]
) -> tuple[list[RuleFile], tuple[WithheldRule, ...]]:
    rules = [(file, rule) for file in files for rule in file.rules()]
    missing = without_source([rule for _, rule in rules], jobs, lost)
    withheld = [(rules[at], why) for at, why in sorted(missing.items())]
    kept = []
    for file in files:
        unwanted = {(rule.group, rule.index) for (owner, rule), _ in withheld if owner is file}
        kept.append(file.without(unwanted) if unwanted else file)
    told = tuple(
        WithheldRule(rule.name, rule.kind, rule.file, rule.line, why.job, why.reason)
        for (_, rule), why in withheld
    )
    return kept, told


def _must_load(promtool_path: Path, file: RuleFile) -> None:
    complaints = promtool.check(promtool_path, file.name, file.text())
    if complaints:
        raise StackError(
            f"the prepared copy is refused: {_sentence(complaints[0])}",
            where=file.name,
            remedy="This is a mistake of loadkit's; please report it with the rule file.",
        )


def _alerts(
    files: Sequence[RuleFile], scaled: Sequence[RuleFile], scale: int
) -> tuple[AlertRule, ...]:
    default_ms = _default_interval_ms()
    alerts = []
    for file, divided in zip(files, scaled, strict=True):
        for rule, short in zip(file.rules(), divided.rules(), strict=True):
            if rule.kind == "alert":
                alerts.append(_alert(rule, short, default_ms, scale))
    return tuple(alerts)


def _default_interval_ms() -> int:
    text = config_file("corrected", "prometheus.yml").read_text(encoding="utf-8")
    return intervals(text, 1).evaluation_ms


def _alert(rule: Rule, short: Rule, default_ms: int, scale: int) -> AlertRule:
    interval_ms = rule.interval_ms or default_ms
    return AlertRule(
        name=rule.name,
        file=rule.file,
        line=rule.line,
        group=rule.group,
        expr=rule.expr,
        scaled_expr=short.expr,
        for_s=rule.for_ms / 1000,
        scaled_for_s=short.for_ms / 1000,
        interval_s=interval_ms / 1000,
        scaled_interval_s=timescale.scale_ms(interval_ms, scale) / 1000,
        severity=rule.labels.get("severity"),
        labels=rule.labels,
        annotations=rule.annotations,
        window_sized=promql.window_sized(rule.expr),
    )
