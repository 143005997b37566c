"""The four questions of a load test, each answered in a line, with how far to trust it."""

from __future__ import annotations

from loadkit.analyse import text
from loadkit.analyse.expectations import SHOWN
from loadkit.analyse.facts import Facts
from loadkit.analyse.result import AlertResult, Answer, StageResult
from loadkit.analyse.saturation import busiest
from loadkit.analyse.verdict import HELD, reached
from loadkit.model import Status

NOT_ASKED = "not asked in this run"
FULL = 0.85


def answers(facts: Facts) -> tuple[Answer, ...]:
    """How much, what first, would anyone be told, worse than before."""
    return (how_much(facts), what_first(facts), told(facts), worse(facts))


def _generator(facts: Facts) -> str:
    own = facts.generator
    cpu = "" if own.cpu_max is None else f", at most {text.share(own.cpu_max)} of a core"
    return f"generator {own.verdict}{cpu}"


def _failed_in(facts: Facts, stage: StageResult) -> list[str]:
    return [
        r.slo for r in facts.slos if r.stage == stage.name and r.verdict.status is not Status.PASSED
    ]


def _holds(facts: Facts, stage: StageResult) -> bool:
    if _failed_in(facts, stage) or not stage.count:
        return False
    part = facts.completed_share(stage)
    return part is None or part >= HELD


def how_much(facts: Facts) -> Answer:
    """The highest load that was held; a limit is not looked for in a run of fixed stages."""
    question = "How much can it take?"
    names = {stage.name for stage in facts.context.open_measured}
    measured = [s for s in facts.stages if s.name in names and s.count]
    if not measured:
        return Answer(question, "nothing measured ended", "no answer")
    if facts.generator.verdict == "invalid":
        return Answer(question, "not known: the generator was the bottleneck", _generator(facts))
    level = {stage.name: stage.level for stage in facts.context.stages}
    good = [stage for stage in measured if _holds(facts, stage)]
    highest = max(measured, key=lambda stage: level[stage.name])
    so_far = " so far" if facts.state == "running" else ""
    trust = f"{_generator(facts)}; no higher load was tried{so_far}"
    if highest in good:
        condition = "within the objectives" if facts.slos else "no objective was set"
        return Answer(question, f"at least {_load(facts, highest)}, {condition}", trust)
    how = "held within the objectives" if _failed_in(facts, highest) else "reached"
    best = max(good, key=lambda stage: level[stage.name], default=None)
    missed = f"{_load(facts, highest)} was not {how} ({highest.name})"
    if any(fault.stage == highest.name for fault in facts.faults):
        missed += " while a fault was on"
    if best is None:
        return Answer(question, f"{missed}, and no stage was", _generator(facts))
    return Answer(question, f"{missed}; {_load(facts, best)} was ({best.name})", _generator(facts))


def _load(facts: Facts, stage: StageResult) -> str:
    if stage.mean_rate is not None:
        users = f" and {text.plural(max(stage.users), 'user')}" if stage.users else ""
        return text.rate(stage.mean_rate) + users  # of a ramp what it offered on average
    if stage.users is not None:
        return f"{text.plural(max(stage.users), 'user')} ({text.rate(stage.achieved)})"
    return reached(facts, stage).removeprefix("completed ")


def what_first(facts: Facts) -> Answer:
    """The fullest resource at peak. That it is full does not prove that it limits."""
    question = "What gives first, and why?"
    peak = facts.context.peak
    found = None if peak is None else busiest(facts.context, facts.uses, peak)
    if found is None or peak is None:
        return Answer(question, NOT_ASKED, "no resource of the service was measured")
    use, mean = found
    trust = f"mean in {peak.name} of what was measured ({use.source}); not a proof of cause"
    words = f"{use.name} was fullest at {peak.name}, {text.share(mean)} on average"
    if mean < FULL:
        return Answer(question, f"nothing was full; {words}", trust)
    return Answer(question, words, trust)


def told(facts: Facts) -> Answer:
    """Whether an alert fired and reached somebody."""
    question = "Would anyone have been told?"
    scale = int(facts.context.manifest.stack.get("scale") or 1)
    judged = [alert for alert in facts.alerts if alert.role != SHOWN]
    fired = [a for a in facts.alerts if any(s.firing_at is not None for s in a.spells)]
    if not judged and not fired:
        if not facts.alerts:
            return Answer(question, NOT_ASKED, "no alerts were watched")
        return Answer(question, "no alert fired, none was expected", _alert_trust(scale))
    if not fired and facts.state == "running":
        return Answer(question, "no alert has fired so far", _alert_trust(scale))
    if fired:
        words = "; ".join(_fired_words(alert) for alert in fired[:3])
        words += f"; and {len(fired) - 3} more" if len(fired) > 3 else ""
    else:
        open_ones = [
            a.name for a in judged if a.verdict and a.verdict.status is Status.INCONCLUSIVE
        ]
        words = "no alert fired"
        if open_ones:
            words = f"no alert was seen to fire; not certain of {text.listing(open_ones)}"
    expected = [a for a in judged if a.role == "expected" and facts.state != "running"]
    missing = [alert.name for alert in expected if alert not in fired]
    if missing:
        words += f"; {text.listing(missing)} should have"
    return Answer(question, words, _alert_trust(scale))


def _alert_trust(scale: int) -> str:
    if scale == 1:
        return "evaluated by Prometheus at its own intervals"
    return f"evaluated by Prometheus with every interval divided by {scale}"


def _fired_words(alert: AlertResult) -> str:
    spell = next(s for s in alert.spells if s.firing_at is not None)
    words = f"{alert.name} fired at {text.at(spell.firing_at or 0.0)}"
    if spell.notified_at is None:
        return f"{words}, and no message was seen"
    later = max(0.0, spell.notified_at - (spell.firing_at or 0.0))
    return f"{words}, {spell.receiver} was told {text.duration(later)} later"


def worse(facts: Facts) -> Answer:
    """A single run has nothing to compare with."""
    return Answer("Is it worse than before?", NOT_ASKED, "one run; a comparison needs repetitions")
