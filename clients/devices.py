"""`microphone --devices`: the audio devices of this machine."""

from clients.audio import sounddevice_library
from clients.errors import AudioError


def device_lines() -> list[str]:
    """One line for each device: its number, its use and its name. Raises AudioError when there is none."""
    library = sounddevice_library()
    defaults = set(library.default.device)
    lines = []
    for number, device in enumerate(library.query_devices()):
        uses = {"microphone": device["max_input_channels"], "loudspeaker": device["max_output_channels"]}
        use = ", ".join(name for name, channels in uses.items() if channels)
        mark = "*" if number in defaults else " "
        lines.append(f"{mark} {number:2}  {use:23}  {device['name']}")
    if not lines:
        raise AudioError("this machine has no audio devices")
    return [*lines, "", "* default; --device and --speaker take a number, or a part of a name"]
