"""The example dashboard asks for metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

from test_live_meters import _interval, _manifest, _scraped, _tick

from loadkit.live.meters import Meters, Now

BOARD = Path(__file__).parents[3] / "config" / "grafana" / "loadkit.json"


def test_every_panel_asks_for_a_metric_that_is_served() -> None:
    meters = Meters(_manifest())
    meters.tick(_tick(), Now("peak", 1.0, 1.0, 1.0, 1, 1))
    assert _interval([1], "response")["count"] == 1
    text = _scraped(meters)
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    asked = set(re.findall(r"\bloadkit_\w+", json.dumps(board["panels"] + [board["annotations"]])))
    asked |= set(re.findall(r"\bloadkit_\w+", json.dumps(board["templating"])))
    assert len(asked) > 12
    assert {name for name in asked if not re.search(rf"^{name}[ {{]", text, re.M)} == set()


def test_panels_do_not_lie_on_each_other_and_have_ids_of_their_own() -> None:
    panels = json.loads(BOARD.read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24 and not cells & taken
        taken |= cells
        assert all(target["datasource"]["uid"] == "${source}" for target in panel["targets"])
