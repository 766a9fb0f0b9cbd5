"""A picture of a call as SVG: the caller's speech and the replies over time, interruptions and latencies."""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from clients.calls.call import CallRecord
from clients.calls.figures import answer_to, replies_of

_WIDTH, _HEIGHT, _MARGIN = 1200, 320, 70
_TOP = 65  # of the drawing
_FIGURES_PER_LINE = 7
_ROWS = {"caller": 110, "reply": 210}  # the centre of each row
_ROW_HEIGHT = 70
_COLOURS = {"caller": "#1f6feb", "reply": "#2da44e", "clear": "#cf222e"}
_LEVELS = 600  # drawn per row


def write_timeline(record: CallRecord, figures: Mapping[str, float], title: str, file: Path) -> None:
    """Writes the picture."""
    length_ms = max(len(record.caller), len(record.playout.heard)) / 2 * 1000 / record.rate
    picture = ET.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", font_family="sans-serif"
    )
    picture.set("font-family", picture.attrib.pop("font_family"))
    _add(picture, "rect", width=_WIDTH, height=_HEIGHT, fill="white")
    _text(picture, _MARGIN, 25, title, size=16)
    named = [f"{name} {value:g}" for name, value in figures.items()]
    for line, begin in enumerate(range(0, len(named), _FIGURES_PER_LINE)):
        _text(picture, _MARGIN, 40 + 13 * line, ", ".join(named[begin : begin + _FIGURES_PER_LINE]), size=11)
    parts = _grid(length_ms), _rows(record, length_ms), _clears(record, length_ms), _waits(record, length_ms)
    for element in chain.from_iterable(parts):
        picture.append(element)
    file.write_bytes(ET.tostring(picture, encoding="utf-8", xml_declaration=True))


def _grid(length_ms: float) -> Iterator[ET.Element]:
    for second in range(int(length_ms / 1000) + 1):
        x = _x(1000 * second, length_ms)
        yield _element("line", x1=x, x2=x, y1=_TOP, y2=_HEIGHT - 40, stroke="#d0d7de")
        yield _label(x, _HEIGHT - 22, f"{second} s", anchor="middle")


def _rows(record: CallRecord, length_ms: float) -> Iterator[ET.Element]:
    """The levels of both sides, and a bar below each line and reply."""
    bars = {
        "caller": [(said.begin_ms, said.end_ms) for said in record.said],
        "reply": [(span.begin_ms, span.end_ms) for reply in replies_of(record) for span in reply.spans],
    }
    audio = {"caller": record.caller, "reply": bytes(record.playout.heard)}
    for name, centre in _ROWS.items():
        yield _label(5, centre, name)
        yield _element("path", d=_outline(audio[name], record.rate, length_ms, centre), fill=_COLOURS[name])
        for begin_ms, end_ms in bars[name]:
            yield _element(
                "rect",
                x=_x(begin_ms, length_ms),
                y=centre + _ROW_HEIGHT // 2,
                width=max(1.0, _x(end_ms, length_ms) - _x(begin_ms, length_ms)),
                height=5,
                fill=_COLOURS[name],
            )


def _outline(pcm: bytes, rate: int, length_ms: float, centre: int) -> str:
    """The loudest sample of each piece of the audio, above and below the centre of its row."""
    samples = np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.float64)) / 32768
    if not len(samples):
        return ""
    pieces = np.array_split(samples, min(_LEVELS, len(samples)))
    heights = [float(piece.max()) * _ROW_HEIGHT / 2 for piece in pieces]
    end_ms = len(samples) * 1000 / rate
    xs = [_x(end_ms * number / len(pieces), length_ms) for number in range(len(pieces))]
    above = [f"{x:.1f},{centre - height:.1f}" for x, height in zip(xs, heights, strict=True)]
    below = [f"{x:.1f},{centre + height:.1f}" for x, height in zip(xs, heights, strict=True)]
    return "M" + " L".join([*above, *reversed(below)]) + "Z"


def _waits(record: CallRecord, length_ms: float) -> Iterator[ET.Element]:
    """The time from the end of each line to its reply, and from an interruption to the end of the reply."""
    replies, middle = replies_of(record), (_ROWS["caller"] + _ROWS["reply"]) // 2
    below = _ROWS["reply"] + _ROW_HEIGHT // 2 + 16
    for said in record.said:
        spans = []
        if (answer := answer_to(said, replies)) is not None:
            spans.append((said.end_ms, answer.begin_ms, _COLOURS["reply"], middle + 8))
        stopped = [reply.end_ms for reply in replies if reply.begin_ms < said.begin_ms < reply.end_ms]
        spans += [(said.begin_ms, end_ms, _COLOURS["clear"], below) for end_ms in stopped]
        for begin_ms, end_ms, colour, y in spans:
            x = _x(begin_ms, length_ms)
            yield _element("line", x1=x, x2=_x(end_ms, length_ms), y1=y, y2=y, stroke=colour)
            yield _label(x + 3, y - 3, f"{end_ms - begin_ms:.0f} ms", size=9)


def _clears(record: CallRecord, length_ms: float) -> Iterator[ET.Element]:
    """A line at each command to drop audio."""
    for at_ms in record.playout.clears_ms:
        x = _x(at_ms, length_ms)
        yield _element("line", x1=x, x2=x, y1=_TOP, y2=_HEIGHT - 40, stroke=_COLOURS["clear"])
        yield _label(x + 3, _TOP + 10, "clear")


def _x(at_ms: float, length_ms: float) -> float:
    return round(_MARGIN + (_WIDTH - 2 * _MARGIN) * at_ms / max(1.0, length_ms), 1)


def _element(kind: str, **attributes: object) -> ET.Element:
    return ET.Element(kind, {name: str(value) for name, value in attributes.items()})


def _add(parent: ET.Element, kind: str, **attributes: object) -> None:
    parent.append(_element(kind, **attributes))


def _label(x: float, y: float, text: str, size: int = 11, anchor: str = "start") -> ET.Element:
    element = ET.Element("text", {"x": str(x), "y": str(y), "font-size": str(size), "text-anchor": anchor})
    element.text = text
    return element


def _text(parent: ET.Element, x: float, y: float, text: str, size: int) -> None:
    parent.append(_label(x, y, text, size))
