"""Links to a window of the charts, and the findings and alerts that have one."""

from __future__ import annotations

import pytest
from report_sample import peak

from loadkit.report import tables
from loadkit.report.charts.address import window_link


@pytest.mark.parametrize(
    ("start", "end", "link"),
    [
        (60.2, 89.1, "#t=60-90&zoom=45-105"),
        (60.0, 60.0, "#t=60-61&zoom=50-71"),
        (-5.0, 3.2, "#t=0-4&zoom=0-14"),
        (0.0, 145.0, "#t=0-145"),
        (140.0, 999.0, "#t=140-145&zoom=130-145"),
        (-9.0, -2.0, ""),
        (145.0, 150.0, ""),
    ],
)
def test_a_stretch_is_whole_seconds_with_room_around_it(
    start: float, end: float, link: str
) -> None:
    assert window_link(start, end, 145.0) == link


def test_each_spell_on_the_axis_has_its_link() -> None:
    analysis = peak()
    table = tables.alerts(analysis)
    assert table.columns[-1].name == "charts"
    cells = {row[1].text: row[-1] for row in table.rows}
    spell = next(a for a in analysis.alerts if a.name == "HighErrorRate").spells[0]
    start = spell.pending_at if spell.pending_at is not None else spell.firing_at
    assert start is not None
    assert cells["HighErrorRate"].href.startswith(f"#t={int(start)}-")
    silent = {alert.name for alert in analysis.alerts if not alert.spells}
    assert silent and all(cells[name].href == "" for name in silent)
