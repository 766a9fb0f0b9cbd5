"""Options: frozen dataclasses whose fields have a description and bounds.

`config.py` combines these classes and fills them from flags, environment variables and TOML. The `configure`
message changes some of them for one session. The bounds are declared once, in the metadata of a field, and
checked in both cases.
"""

from dataclasses import field, fields
from typing import TYPE_CHECKING, Any

from voicegw.errors import InvalidValue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def option(
    default: Any,
    description: str,
    *,
    ge: float | None = None,
    le: float | None = None,
    secret: bool = False,
) -> Any:
    """A dataclass field with its help text and its inclusive bounds. secret: it may contain a password or a
    key, so the text form of the options leaves it out."""
    bounds = {name: value for name, value in (("ge", ge), ("le", le)) if value is not None}
    return field(default=default, repr=not secret, metadata={"description": description, **bounds})


def check(options: "DataclassInstance") -> None:
    """Raises InvalidValue when a value of `options` is outside its bounds."""
    for item in fields(options):
        value = getattr(options, item.name)
        low, high = item.metadata.get("ge"), item.metadata.get("le")
        if value is None:  # not set
            continue
        if low is not None and value < low:
            raise InvalidValue(f"{item.name} must be at least {low}, not {value}")
        if high is not None and value > high:
            raise InvalidValue(f"{item.name} must be at most {high}, not {value}")
