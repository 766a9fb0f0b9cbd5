"""Cities are found by the names of time zones."""

import pytest

from voicegw.reply import cities


@pytest.mark.parametrize(
    ("place", "key", "city"),
    [
        ("Lagos", "Africa/Lagos", "Lagos"),
        ("new york", "America/New_York", "New York"),
        ("São Paulo", "America/Sao_Paulo", "Sao Paulo"),
        ("port au prince", "America/Port-au-Prince", "Port-au-Prince"),
        ("buenos aires", "America/Buenos_Aires", "Buenos Aires"),
        ("singapore", "Asia/Singapore", "Singapore"),
        ("japan", "Japan", "Japan"),
    ],
)
def test_found(place: str, key: str, city: str) -> None:
    zone = cities.find_zone(place)
    assert zone is not None
    assert (zone.key, cities.city_of(zone)) == (key, city)


@pytest.mark.parametrize("place", ["Atlantis", "", "../etc/passwd"])
def test_not_found(place: str) -> None:
    assert cities.find_zone(place) is None


def test_a_machine_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cities, "available_timezones", set)
    cities.zones.cache_clear()
    try:
        assert cities.find_zone("Lagos") is None
    finally:
        cities.zones.cache_clear()
