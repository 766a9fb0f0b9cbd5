"""Units in words, in every language of the Unicode CLDR: "21 °C" becomes "21 degrees Celsius"."""

import re
from decimal import Decimal

from babel import Locale
from babel.numbers import format_decimal
from babel.units import format_compound_unit, format_unit

# Symbol to CLDR name; the two parts of a compound unit are separated by a slash.
_UNITS = {
    "km/h": "speed-kilometer-per-hour",
    "mph": "speed-mile-per-hour",
    "m/s": "speed-meter-per-second",
    "°C": "temperature-celsius",
    "°F": "temperature-fahrenheit",
    "°": "angle-degree",
    "%": "concentr-percent",
    "km": "length-kilometer",
    "cm": "length-centimeter",
    "mm": "length-millimeter",
    "m": "length-meter",
    "mi": "length-mile",
    "ft": "length-foot",
    "yd": "length-yard",
    "kg": "mass-kilogram",
    "mg": "mass-milligram",
    "g": "mass-gram",
    "lb": "mass-pound",
    "lbs": "mass-pound",
    "oz": "mass-ounce",
    "ml": "volume-milliliter",
    "mL": "volume-milliliter",
    "l": "volume-liter",
    "L": "volume-liter",
    "ms": "duration-millisecond",
    "s": "duration-second",
    "sec": "duration-second",
    "min": "duration-minute",
    "h": "duration-hour",
    "hr": "duration-hour",
    "hrs": "duration-hour",
    "kWh": "energy-kilowatt-hour",
    "kW": "power-kilowatt",
    "MW": "power-megawatt",
    "W": "power-watt",
    "V": "electric-volt",
    "Hz": "frequency-hertz",
    "kHz": "frequency-kilohertz",
    "MHz": "frequency-megahertz",
    "GHz": "frequency-gigahertz",
    "KB": "digital-kilobyte",
    "kB": "digital-kilobyte",
    "MB": "digital-megabyte",
    "GB": "digital-gigabyte",
    "TB": "digital-terabyte",
    "Mbps": "digital-megabit/duration-second",
    "km²": "area-square-kilometer",
    "m²": "area-square-meter",
    "m³": "volume-cubic-meter",
}

SYMBOL = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
"""Regular expression for the symbol of a unit."""


def with_unit(written: str, value: Decimal, symbol: str, locale: Locale) -> str:
    """The number `written`, which has this value, and its unit in words."""
    unit, _, per = _UNITS[symbol].partition("/")
    if per:
        words = format_compound_unit(value, unit, denominator_unit=per, length="long", locale=locale)
    else:
        words = format_unit(value, unit, "long", locale=locale)
    return (words or "").replace(format_decimal(value, locale=locale), written)
