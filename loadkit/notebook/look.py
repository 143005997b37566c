"""One look for all figures."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from loadkit.bundle.reader import RunData

# Okabe and Ito's colours in an order of ours: told apart by every kind of eye.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5B5B5B")
_WIDTH = 10.0
_TINTS = ("#DCE6F0", "#EEF2F6")
_LEFT_OUT = "#F3EEE4"
_LEAST_SHARE = 0.045  # of the axis, below which a stage's name would not fit


def style() -> None:
    """Sets matplotlib's defaults for everything drawn afterwards."""
    plt.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.edgecolor": "#8A8F98",
            "axes.grid": True,
            "axes.labelcolor": "#333A44",
            "axes.prop_cycle": cycler(color=COLOURS),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlelocation": "left",
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlepad": 20,
            "figure.constrained_layout.use": True,
            "figure.dpi": 110,
            "font.size": 9,
            "grid.color": "#D9DDE3",
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "lines.linewidth": 1.4,
            "svg.hashsalt": "loadkit",
            "xtick.color": "#5A626D",
            "ytick.color": "#5A626D",
        }
    )


def figure(rows: int = 1, height: float = 2.6, *, share: bool = True) -> tuple[Figure, list[Axes]]:
    """A figure of ``rows`` plots one below the other, on one time axis if ``share``."""
    made, axes = plt.subplots(rows, 1, figsize=(_WIDTH, height * rows), sharex=share, squeeze=False)
    return made, [row[0] for row in axes]


def shade(axes: Sequence[Axes], run: RunData) -> None:
    """Stages behind the plots, their names above the first; hatched are outside every verdict."""
    end = max((s["start_s"] + (s["duration_s"] or 0.0) for s in run.manifest.stages), default=0.0)
    for number, stage in enumerate(run.manifest.stages):
        first, length = float(stage["start_s"]), float(stage["duration_s"] or 0.0)
        left_out = bool(stage.get("warmup") or stage.get("profile"))
        for axis in axes:
            axis.axvspan(
                first,
                first + length,
                facecolor=_LEFT_OUT if left_out else _TINTS[number % 2],
                edgecolor="#D9CDB4" if left_out else "none",
                hatch="////" if left_out else None,
                linewidth=0,
                zorder=0,
            )
        if axes and end and length / end >= _LEAST_SHARE:
            axes[0].annotate(
                str(stage["name"]),
                (first + length / 2, 1.0),
                xycoords=("data", "axes fraction"),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color="#5A626D",
                annotation_clip=False,
            )
    for axis in axes:
        if end:
            axis.set_xlim(0, end)


def clock_axis(axis: Axes, label: str = "time since the load began (min:s)") -> None:
    """Seconds on the x axis, read as minutes and seconds."""
    axis.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 1.5, 2, 3, 5, 6, 10]))
    axis.xaxis.set_major_formatter(FuncFormatter(_clock))
    axis.set_xlabel(label)


def _clock(seconds: float, _: object = None) -> str:
    whole = round(abs(seconds))
    return f"{'−' if seconds < 0 else ''}{whole // 60}:{whole % 60:02d}"


def log_axis(axis: Axes, which: str = "y") -> None:
    """A logarithmic axis with plain numbers on it: 1, 2, 5, 10, 20 …"""
    axis.set(**{f"{which}scale": "log"})
    part = axis.yaxis if which == "y" else axis.xaxis
    part.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    part.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    part.set_minor_formatter(NullFormatter())


def legend(axis: Axes, columns: int = 6) -> None:
    """The legend outside, above the right end of the plot."""
    axis.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=columns, borderaxespad=1.9, fontsize=8
    )


def nothing(axis: Axes, text: str) -> None:
    """Says in a plot why it is empty."""
    axis.set_yticks([])
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", color="#5A626D")
