import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from clients.devices import device_lines
from clients.errors import AudioError


def install(monkeypatch: pytest.MonkeyPatch, *devices: tuple[str, int, int]) -> None:
    """A sound library that knows these devices: name, input and output channels. The last is the default."""
    library = ModuleType("sounddevice")
    names = ("name", "max_input_channels", "max_output_channels")
    found: list[dict[str, Any]] = [dict(zip(names, device, strict=True)) for device in devices]
    monkeypatch.setattr(library, "query_devices", lambda: found, raising=False)
    default = SimpleNamespace(device=[len(devices) - 1, -1])
    monkeypatch.setattr(library, "default", default, raising=False)
    monkeypatch.setitem(sys.modules, "sounddevice", library)


def test_devices_have_their_number_and_their_use(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ("HDMI", 0, 2), ("Headset", 1, 2))
    lines = device_lines()
    assert lines[0].split() == ["0", "loudspeaker", "HDMI"]
    assert lines[1].split() == ["*", "1", "microphone,", "loudspeaker", "Headset"]


def test_a_machine_without_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    with pytest.raises(AudioError, match="no audio devices"):
        device_lines()
