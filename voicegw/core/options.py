"""How a machine declares what can be tuned about it: a frozen dataclass of bounded, described options.

`config.py` composes these classes and reads flags, environment and TOML into them; the `configure`
message changes a few of them for one session. Bounds are declared once, here in the field's metadata,
and hold for both.
"""

from dataclasses import field, fields
from typing import TYPE_CHECKING, Any

from voicegw.errors import InvalidValue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def option(default: Any, description: str, *, ge: float | None = None, le: float | None = None) -> Any:
    """A dataclass field with the help text and the inclusive bounds that config and `configure` enforce."""
    bounds = {name: value for name, value in (("ge", ge), ("le", le)) if value is not None}
    return field(default=default, metadata={"description": description, **bounds})


def check(options: "DataclassInstance") -> None:
    """Raises InvalidValue when a value of `options` lies outside its declared bounds."""
    for item in fields(options):
        value = getattr(options, item.name)
        low, high = item.metadata.get("ge"), item.metadata.get("le")
        if value is None:  # not given
            continue
        if low is not None and value < low:
            raise InvalidValue(f"{item.name} must be at least {low}, not {value}")
        if high is not None and value > high:
            raise InvalidValue(f"{item.name} must be at most {high}, not {value}")
