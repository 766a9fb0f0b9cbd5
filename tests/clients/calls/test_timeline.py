from pathlib import Path
from xml.etree import ElementTree as ET

from clients.calls.caller import Said
from clients.calls.timeline import write_timeline
from tests.clients.calls.recorded import record

SVG = "{http://www.w3.org/2000/svg}"


def test_speech_replies_clears_and_figures_are_drawn(tmp_path: Path) -> None:
    file = tmp_path / "call.svg"
    call = record([Said(1000, 2000, interrupts=False)], [(2.5, 3.0), (3.5, 4.0)], clears_s=[2.8])
    write_timeline(call, {"stop_ms": 210.0}, "a call", file)
    picture = ET.parse(file).getroot()
    texts = [element.text for element in picture.iter(f"{SVG}text")]
    assert {"a call", "stop_ms 210", "caller", "reply", "clear", "500 ms", "20 s"} <= set(texts)
    assert len(list(picture.iter(f"{SVG}path"))) == 2
    assert len(list(picture.iter(f"{SVG}rect"))) == 1 + 1 + 2  # the background, the line, two spans
