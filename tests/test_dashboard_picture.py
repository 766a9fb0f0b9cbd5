"""The picture of the dashboard for the documentation."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from tests import dashboard_picture
from tests.dashboard_drawing import Line, Picture, legend_of, page, shown_value
from tests.dashboard_picture import DASHBOARD, PICTURE, record
from tests.page.test_screenshot import PNG, size
from tests.prometheus_server import MONITORING

MAX_BYTES = 500_000
PICTURED = Picture("Storm", "a <note>", 100.0, ("ReconnectStorm", 50.0, 75.0))
PANELS: list[dict[str, Any]] = [
    {"type": "row", "id": 1, "title": "Clients", "gridPos": {"x": 0, "y": 0}},
    {"type": "row", "id": 2, "title": "Empty", "gridPos": {"x": 0, "y": 2}},
    *(
        {
            "type": "timeseries",
            "id": number,
            "title": f"Panel {number}",
            "gridPos": {"x": 20 - number, "y": 1},
            "fieldConfig": {"defaults": {"unit": "Bps"}},
        }
        for number in (3, 4)
    ),
]


def test_a_panel_has_its_title_scale_and_legend() -> None:
    lines = [Line("sent & received", [(0.0, 0.0), (1.0, 1_500.0), (2.0, math.nan), (3.0, 10.0)])]
    drawn = page(PICTURED, PANELS, {3: lines})
    assert all(text in drawn for text in ("Panel 3", "sent &amp; received", "2 kB/s", "a &lt;note&gt;"))
    [line] = re.findall(r'<path d="([^"]*)"', drawn)
    assert line.count("M") == 2, "a gap where there is no number"
    assert "nan" not in drawn
    assert 'class="alert"' in drawn


def test_panels_are_in_their_order_and_those_without_values_are_left_out() -> None:
    line = [Line("a", [(0.0, 1.0)])]
    both = page(PICTURED, PANELS, {3: line, 4: line})
    assert both.index("Panel 4") < both.index("Panel 3"), "which is to the right of it"
    assert "Empty" not in both
    assert "Panel 4" not in page(PICTURED, PANELS, {3: line, 4: []})


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        *((0.25, "s", "250 ms"), (2.5, "s", "2.5 s"), (0, "s", "0 s"), (1_500, "bytes", "1.5 kB")),
        *((3e9, "bytes", "3 GB"), (12, "cps", "12/s"), (1_200, "short", "1.2 k"), (7, "short", "7")),
    ],
)
def test_values_are_shown_in_their_unit(value: float, unit: str, shown: str) -> None:
    assert shown_value(value, unit) == shown


def test_a_legend_names_the_labels() -> None:
    assert legend_of("refused {{code}}", {"code": "at_capacity"}) == "refused at_capacity"


def test_the_units_of_the_dashboard_are_known() -> None:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    used = {panel["fieldConfig"]["defaults"]["unit"] for panel in panels}
    assert used <= {"short", "s", "bytes", "Bps", "cps"}


async def test_a_run_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard_picture, "_QUIET_S", 1.0)
    drawn = await record(tmp_path, clients=4, after_s=3.0)
    assert "4 sessions are resumed" in drawn
    assert all(title in drawn for title in ("Sessions and connections", "Workers", "Event loop"))
    assert "GPU memory" not in drawn


def test_the_picture_of_the_document_is_small() -> None:
    shown = PICTURE.read_bytes()
    assert shown.startswith(PNG)
    assert len(shown) <= MAX_BYTES
    assert size(shown)[0] == 1548
    assert f"({PICTURE.name})" in (MONITORING / "README.md").read_text()
