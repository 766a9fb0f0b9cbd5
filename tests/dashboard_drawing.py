"""Draws the panels of a Grafana dashboard as a page of SVG, with titles, units and legends from its JSON."""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 470, 150  # of a plot, in pixels
_LEFT, _BOTTOM = 52, 20
_COLOURS = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#5195ce", "#ba43a9", "#a88ad2")
_TICKS = 4
_MOST_TIMES = 7
_TIME_STEPS = (5, 10, 30, 60, 300, 3600)  # seconds
_MOST_IN_LEGEND = 8
_STYLE = """
body { margin: 0; padding: 20px 24px; width: 1500px; background: #111217; color: #ccccdc;
  font: 12px/1.4 Inter, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 20px; margin: 0 0 2px; color: #fff; } h2 { font-size: 14px; margin: 16px 0 8px; color: #fff; }
p { margin: 0; color: #9d9fa9; } .row { display: grid; grid-template-columns: repeat(3, 1fr); gap: 8px; }
.panel { background: #181b1f; border: 1px solid #2a2d33; border-radius: 3px; padding: 8px 10px; }
.panel h3 { font-size: 13px; font-weight: 600; margin: 0 0 4px; color: #d8d9da; }
svg { display: block; } text { fill: #9d9fa9; font-size: 11px; } .grid { stroke: #2a2d33; }
.alert { fill: #e24d42; opacity: .13; } .alert-edge { stroke: #e24d42; stroke-dasharray: 4 3; }
ul { list-style: none; margin: 4px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 14px; }
li { font-size: 11px; }
li::before { content: ""; display: inline-block; width: 12px; height: 3px; margin: 0 5px 3px 0;
  background: var(--colour); }
"""


@dataclass(frozen=True)
class Line:
    """One series. points: seconds since the start of the picture, and values."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Picture:
    """What all panels have in common. alert: its name, and when it fired, in seconds since the start."""

    title: str
    note: str
    seconds: float
    alert: tuple[str, float, float] | None = None


def legend_of(template: str, labels: dict[str, str]) -> str:
    """The name of a series, from a legend such as `received {{type}}`."""
    for name, value in labels.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    return template


def page(picture: Picture, panels: Sequence[dict[str, Any]], lines: dict[int, list[Line]]) -> str:
    """The whole page. panels: of the dashboard, rows included. lines: by the id of their panel; panels and
    rows without any are left out."""
    rows: list[tuple[str, list[str]]] = []
    for panel in sorted(panels, key=lambda each: (each["gridPos"]["y"], each["gridPos"]["x"])):
        if panel["type"] == "row":
            rows.append((panel["title"], []))
        elif drawn := lines.get(panel["id"]):
            rows[-1][1].append(_panel(picture, panel, drawn))
    body = "".join(
        f'<h2>{html.escape(title)}</h2><div class="row">{"".join(shown)}</div>'
        for title, shown in rows
        if shown
    )
    head = f"<h1>{html.escape(picture.title)}</h1><p>{html.escape(picture.note)}</p>"
    return f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style>{head}{body}"


def _panel(picture: Picture, panel: dict[str, Any], lines: Sequence[Line]) -> str:
    unit = panel["fieldConfig"]["defaults"]["unit"]
    values = [value for line in lines for _, value in line.points if not math.isnan(value)]
    top = _round_up(max(values, default=0.0))
    parts = [*_axes(picture, top, unit), *_alert(picture)]
    for colour, line in zip(_colours(), lines, strict=False):
        parts.append(
            f'<path d="{_path(picture, line, top)}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        )
    names = [line.name for line in lines]
    shown = [
        f'<li style="--colour: {colour}">{html.escape(name)}</li>'
        for colour, name in zip(_colours(), names[:_MOST_IN_LEGEND], strict=False)
    ]
    if len(names) > _MOST_IN_LEGEND:
        shown.append(f'<li style="--colour: none">and {len(names) - _MOST_IN_LEGEND} others</li>')
    svg = f'<svg width="{WIDTH}" height="{HEIGHT}">{"".join(parts)}</svg>'
    return f'<div class="panel"><h3>{html.escape(panel["title"])}</h3>{svg}<ul>{"".join(shown)}</ul></div>'


def _colours() -> Iterator[str]:
    while True:
        yield from _COLOURS


def _x(picture: Picture, seconds: float) -> float:
    return _LEFT + (WIDTH - _LEFT - 4) * seconds / picture.seconds


def _y(value: float, top: float) -> float:
    return 6 + (HEIGHT - _BOTTOM - 6) * (1 - value / top)


def _path(picture: Picture, line: Line, top: float) -> str:
    """The line, with a gap where there is no value."""
    parts, before = [], None
    for seconds, value in line.points:
        if math.isnan(value):
            before = None
            continue
        joined = before is not None and seconds - before < 3
        parts.append(f"{'L' if joined else 'M'}{_x(picture, seconds):.1f},{_y(value, top):.1f}")
        if not joined:
            parts.append("h0.1")  # a single value is a dot
        before = seconds
    return "".join(parts)


def _axes(picture: Picture, top: float, unit: str) -> Iterator[str]:
    for number in range(_TICKS + 1):
        value = top * number / _TICKS
        y = _y(value, top)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - 4}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{shown_value(value, unit)}</text>'
    step = next(each for each in _TIME_STEPS if picture.seconds / each < _MOST_TIMES)
    for seconds in range(0, int(picture.seconds) + 1, step):
        minutes = f"{seconds // 60}:{seconds % 60:02d}"
        yield f'<text x="{_x(picture, seconds):.1f}" y="{HEIGHT - 4}" text-anchor="middle">{minutes}</text>'


def _alert(picture: Picture) -> Iterator[str]:
    if picture.alert is not None:
        name, begin, end = picture.alert
        left, right = _x(picture, begin), _x(picture, end)
        size = f'width="{right - left:.1f}" height="{HEIGHT - _BOTTOM - 6}"'
        yield f'<rect class="alert" x="{left:.1f}" y="6" {size}><title>{html.escape(name)}</title></rect>'
        yield f'<line class="alert-edge" x1="{left:.1f}" x2="{left:.1f}" y1="6" y2="{HEIGHT - _BOTTOM}"/>'


def shown_value(value: float, unit: str) -> str:
    """A value as Grafana shows it: `short`, `s`, `bytes`, `Bps` and `cps` are its names of units."""
    match unit:
        case "s":
            return f"{value * 1000:.3g} ms" if 0 < value < 1 else f"{value:.3g} s"
        case "bytes" | "Bps":
            return _scaled(value, ("B", "kB", "MB", "GB")) + ("/s" if unit == "Bps" else "")
        case "cps":
            return _scaled(value, ("", "k", "M", "G")).rstrip() + "/s"
        case _:
            return _scaled(value, ("", "k", "M", "G")).rstrip()


def _scaled(value: float, prefixes: Sequence[str]) -> str:
    step = 0
    while value >= 1_000 and step < len(prefixes) - 1:
        value, step = value / 1_000, step + 1
    return f"{value:.3g} {prefixes[step]}"


def _round_up(value: float) -> float:
    """The top of the scale: 1, 2, 4, 6, 8 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return float(next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= value))
