"""Where cities are, as far as the time zone database knows: the places that zones are named after."""

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

_MAX_CHARACTERS = 100  # of a name; to put accents in order takes the square of their number


def find_zone(place: str) -> ZoneInfo | None:
    """The zone named after `place`, whatever its capitals and accents; None when there is none."""
    key = zones().get(_plain(place[:_MAX_CHARACTERS]))
    return ZoneInfo(key) if key else None


def city_of(zone: ZoneInfo) -> str:
    """The zone's city as it is written: "New York"."""
    return zone.key.rpartition("/")[2].replace("_", " ")


@cache
def zones() -> Mapping[str, str]:
    """Zone by place. The first call reads the database, some 100 ms; it is empty where there is none."""
    by_place: dict[str, str] = {}
    for key in sorted(available_timezones(), key=lambda key: (key.count("/") != 1, key)):
        by_place.setdefault(_plain(key.rpartition("/")[2]), key)
    return by_place


def _plain(place: str) -> str:
    """Lower case letters and single blanks: "São Tomé" and "Sao_Tome" are the same."""
    letters = unicodedata.normalize("NFKD", place).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9+]+", letters.lower()))
