"""A picture of the latencies over the number of streams, in SVG."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.capacity.judging import EXCESS_FL_P95_MS, WEL_P95_MS

Curve = Mapping[int, Mapping[str, float]]
"""The figures by the number of streams."""

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 40, 60
TOP_MS = 2000  # what is slower is drawn at the edge: by how much a server misses matters little
LABEL_WIDTH = 26
LINES = (
    ("wel_p50_ms", "word p50", "#8ab4e8", None),
    ("wel_p95_ms", "word p95", "#1f5fb4", WEL_P95_MS),
    ("excess_fl_p95_ms", "final p95, excess", "#c4501b", EXCESS_FL_P95_MS),
)


def svg(curve: Curve, title: str) -> str:
    """The picture, with a doubling of streams always as wide; each objective is a dashed line in its figure's
    colour."""
    octaves = max(1.0, math.log2(max(curve)))
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT

    def x(streams: float) -> float:
        return LEFT + math.log2(streams) / octaves * (right - LEFT)

    def y(ms: float) -> float:
        return bottom - min(max(ms, 0.0), TOP_MS) / TOP_MS * (bottom - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="13" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, TOP - 16, title, "start"),
        _text((LEFT + right) / 2, HEIGHT - 14, "streams at once", "middle"),
    ]
    for ms in range(0, TOP_MS + 1, 500):
        parts.append(_line((LEFT, y(ms)), (right, y(ms)), "#ddd"))
        parts.append(_text(LEFT - 8, y(ms) + 4, f"{ms} ms" if ms < TOP_MS else f"≥ {ms} ms", "end"))
    written = float("-inf")
    for streams in sorted(curve):
        if x(streams) - written >= LABEL_WIDTH:
            written = x(streams)
            parts.append(_text(written, bottom + 18, str(streams), "middle"))
    for rank, (name, label, colour, limit_ms) in enumerate(LINES):
        known = [(x(n), y(curve[n][name])) for n in sorted(curve) if not math.isnan(curve[n][name])]
        parts += _path(known, colour) if known else []
        parts += _key(rank, label, colour)
        if limit_ms is not None:
            parts.append(_line((LEFT, y(limit_ms)), (right, y(limit_ms)), colour, dashed=True))
    return "\n".join([*parts, "</svg>", ""])


def _path(points: Sequence[tuple[float, float]], colour: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    line = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    return [line, *(_dot(x, y, colour) for x, y in points)]


def _key(rank: int, label: str, colour: str) -> list[str]:
    """Which line is which, beside the picture."""
    x, y = WIDTH - RIGHT + 24, TOP + 22 * rank
    return [_dot(x, y, colour), _text(x + 10, y + 4, label, "start")]


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def _line(begin: tuple[float, float], end: tuple[float, float], colour: str, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="6 5"' if dashed else ""
    (x1, y1), (x2, y2) = begin, end
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{dashes}/>'


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
