"""The terminal while a run goes on: a live view, or plain lines where nobody watches."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadkit.run.context import Screen
from loadkit.run.live import Live

_PLAIN_EVERY_S = 5.0
_BARS = "▁▂▃▄▅▆▇█"


class TerminalScreen(Screen, Protocol):
    """A screen that also knows how wide it is and whether it has colour."""

    width: int
    colour: bool


def make_screen() -> TerminalScreen:
    """The screen that fits standard error."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveScreen(console)
    return PlainScreen()


class PlainScreen:
    """A line every five seconds."""

    colour = False

    def __init__(self) -> None:
        self.width = 100
        self._next = 0.0
        self._stage = ""

    def say(self, text: str) -> None:
        """See Screen."""
        print(text, file=sys.stderr, flush=True)

    def started(self, name: str, seconds: float) -> None:
        """See Screen."""
        self.say(f"started {name} {seconds:.1f} s")

    def show(self, live: Live) -> None:
        """See Screen."""
        now = time.monotonic()
        if now < self._next and live.stage == self._stage:
            return
        self._next, self._stage = now + _PLAIN_EVERY_S, live.stage
        parts = [
            f"{_clock(live.elapsed_s)} {live.stage} {live.stage_number}/{live.stages}",
            _load_line(live),
            _response_line(live),
            f"errors {_share(live.error_ratio)}",
        ]
        if live.busiest:
            name, ratio, _ = live.busiest[0]
            parts.append(f"busiest {name} {ratio:.0%}")
        parts += [f"{name} {state} {since:.0f} s" for name, state, since in live.alerts]
        self.say(" · ".join(parts))

    def clear(self) -> None:
        """See Screen."""


class LiveScreen:
    """Redraws a small block in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: RichLive | None = None
        self._parts: list[str] = []
        self._title = ""
        self.width = console.width
        self.colour = not console.no_color

    def say(self, text: str) -> None:
        """See Screen."""
        head = text.partition("\n")[0]
        style = "bold" if head.startswith("loadkit ·") else ""
        style = "yellow" if head.startswith(("warning:", "interrupted")) else style
        self._console.print(Text(text, style=style))

    def started(self, name: str, seconds: float) -> None:
        """See Screen."""
        self._console.print(Text(f"  ▸ started {name} {seconds:.1f} s", style="dim"))

    def show(self, live: Live) -> None:
        """See Screen."""
        if self._live is None:
            self._live = RichLive(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(_block(live, self._console.width), refresh=True)

    def clear(self) -> None:
        """See Screen."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def _block(live: Live, width: int) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", min_width=8)
    table.add_column(overflow="ellipsis", no_wrap=True)
    table.add_row("load", _load_line(live))
    table.add_row("response", _response_line(live))
    table.add_row("errors", _errors_line(live))
    table.add_row("busiest", _busiest_line(live))
    table.add_row("alerts", _alerts_line(live))
    return Group(Text(), _progress(live, width), table)


def _progress(live: Live, width: int) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", min_width=8)
    grid.add_column()
    grid.add_column()
    total = live.duration_s
    where = f"stage {live.stage_number} of {live.stages} · {_clock(live.elapsed_s)}"
    if total is None:
        grid.add_row(live.stage, "", where)
        return grid
    bar = ProgressBar(
        total=total,
        completed=min(live.elapsed_s, total),
        width=max(10, min(40, width - 50)),
        complete_style="cyan",
        finished_style="cyan",
    )
    left = max(0.0, total - live.elapsed_s)
    grid.add_row(live.stage, bar, f"{where} of {_clock(total)} · {_clock(left)} left")
    return grid


def _load_line(live: Live) -> str:
    parts = []
    if live.offered is not None:
        parts.append(f"offered {live.offered:.1f}/s")
    parts.append(f"achieved {'—' if live.achieved is None else f'{live.achieved:.1f}/s'}")
    if live.offered is None and live.users is not None:
        parts.append(f"users {live.users}")
    if live.in_flight is not None:
        parts.append(f"in flight {live.in_flight}")
    if live.offered is not None:
        parts.append(f"late {live.late}")
    return " · ".join(parts)


def _response_line(live: Live) -> str:
    values = (("p50", live.p50), ("p95", live.p95), ("p99", live.p99), ("max", live.max))
    return " · ".join(f"{name} {_seconds(value)}" for name, value in values)


def _errors_line(live: Live) -> Text:
    text = Text(_share(live.error_ratio), style="red" if live.error_ratio else "")
    if live.errors:
        text.append("  " + ", ".join(f"{n} × {kind}" for kind, n in live.errors.items()))
    return text


def _busiest_line(live: Live) -> str:
    if not live.busiest:
        return "—"
    return " · ".join(f"{name} {ratio:.0%} {_spark(past)}" for name, ratio, past in live.busiest)


def _alerts_line(live: Live) -> Text:
    if not live.alerts:
        return Text("none active", style="dim")
    styles = {"firing": "bold red", "pending": "yellow"}
    parts = [
        Text(f"{name} {state} {since:.0f} s", style=styles.get(state, ""))
        for name, state, since in live.alerts
    ]
    return Text(" · ").join(parts)


def _spark(values: object) -> str:
    numbers = list(values)[-8:]  # type: ignore[call-overload]
    return "".join(_BARS[min(7, max(0, int(value * 8)))] for value in numbers)


def _seconds(value: float | None) -> str:
    if value is None:
        return "—"
    if value < 1:
        return f"{value * 1e3:.3g} ms" if value < 0.1 else f"{value * 1e3:.0f} ms"
    return f"{value:.3g} s"


def _share(ratio: float | None) -> str:
    return "—" if ratio is None else f"{ratio * 100:.3g} %"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
