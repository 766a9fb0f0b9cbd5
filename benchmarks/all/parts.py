"""The parts of the report, which parts.toml describes."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

SERVERS = {  # that are compared, as they are written in documents
    "voicegw": "voicegw",
    "whisperlive": "WhisperLive",
    "whisperlivekit": "WhisperLiveKit",
    "realtimestt": "RealtimeSTT",
}


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fields are explained in parts.toml. lines: the format strings of what is reported, by label."""

    name: str
    full: str
    short: str
    minutes: tuple[float, float]
    lines: Mapping[str, str]

    @property
    def of_people(self) -> bool:
        """Whether it needs people's recordings."""
        return self.name.startswith("people-")

    @property
    def compares_peers(self) -> bool:
        """Whether it runs the other servers."""
        return self.name.endswith("peers")


def _read() -> Sequence[Part]:
    found = tomllib.loads(Path(__file__).with_name("parts.toml").read_text())
    tables = [{**part, "lines": found["lines"][part["lines"]]} for part in found["parts"]]
    return msgspec.convert(tables, list[Part])


PARTS = _read()
