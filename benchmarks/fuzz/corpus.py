"""Random messages of a client, generated from the schema of the dialect: valid and invalid ones.

They depend on a `random.Random` only, so a seed gives the same messages again. A new field of a message is
fuzzed without a change here.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
from msgspec import inspect

from voicegw.dialects import native

_MOST_TEXT = 200  # characters, below the limits
_INVALID_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**31, 2**63, 2**64, -(2**63), 1e308, 0.5, float("nan")),
    *("", "\0", "\u202e", "\ud800", "é" * 100, [], {}, [[]] * 3, {"type": "end"}),
)
NESTED = 5_000


def structs() -> Iterator[inspect.StructType]:
    """Every message of the client."""
    union = inspect.type_info(native.ClientMessage)
    assert isinstance(union, inspect.UnionType)
    yield from (kind for kind in union.types if isinstance(kind, inspect.StructType))


def seeds() -> list[bytes]:
    """Every message with its required fields, and with all fields: the seeds of a fuzzer."""
    forms = [_filled(Random(0), kind, optional) for kind in structs() for optional in (0.0, 1.0)]
    return [msgspec.json.encode(form) for form in forms]


def valid(rng: Random) -> bytes:
    """A message that matches the schema; its values may be out of range."""
    kind = rng.choice(list(structs()))
    return msgspec.json.encode(_filled(rng, kind, optional=0.4))


def _filled(rng: Random, kind: inspect.StructType, optional: float) -> dict[str, Any]:
    """optional: the share of the optional fields that are present."""
    assert kind.tag_field is not None
    wanted = (field for field in kind.fields if field.required or rng.random() < optional)
    return {kind.tag_field: kind.tag, **{field.encode_name: _value(rng, field.type) for field in wanted}}


def _value(rng: Random, kind: inspect.Type) -> Any:
    match kind:
        case inspect.UnionType(types):
            return _value(rng, rng.choice(types))
        case inspect.Metadata(type=described):
            return _value(rng, described)
        case inspect.IntType(ge=least):
            return rng.choice((least or 0, 1, 300, 5_000, 2**40, rng.randrange(30_000)))
        case inspect.StrType(pattern=str()):
            return "s" + "".join(rng.choices("ay13", k=rng.randrange(8)))  # a name
        case inspect.StrType(max_length=most):
            longest = min(most or _MOST_TEXT, _MOST_TEXT)
            return "s" + "".join(rng.choices("say it é\n\t🎙", k=rng.randrange(longest)))
        case inspect.VarTupleType(item):
            return [_value(rng, item) for _ in range(rng.randrange(12))]
        case inspect.BoolType():
            return rng.random() < 0.5
        case inspect.EnumType(cls):
            return rng.choice([member.value for member in cls])
        case inspect.LiteralType(values):
            return rng.choice(values)
        case _:
            return None


def invalid(rng: Random) -> bytes:
    """A message with one error or several."""
    message = json.loads(valid(rng))
    damage = rng.choice((_other_value, _other_key, _lost_key, _nested, _doubled_key, _other_bytes, _cut))
    return damage(rng, message)


def _written(message: object) -> bytes:
    """As JSON, possibly invalid: with NaN and lone surrogates."""
    return json.dumps(message).encode()


def _other_value(rng: Random, message: dict[str, Any]) -> bytes:
    message[rng.choice(list(message))] = rng.choice(_INVALID_VALUES)
    return _written(message)


def _other_key(rng: Random, message: dict[str, Any]) -> bytes:
    message[rng.choice(("", "extra", "Type", "text\0", "__class__"))] = rng.choice(_INVALID_VALUES)
    return _written(message)


def _lost_key(rng: Random, message: dict[str, Any]) -> bytes:
    del message[rng.choice(list(message))]
    return _written(message)


def _nested(rng: Random, message: dict[str, Any]) -> bytes:
    opened, closed = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    depth = rng.randrange(1, NESTED)
    return opened * depth + b"1" + closed * rng.choice((depth, depth - 1, 0))


def _doubled_key(rng: Random, message: dict[str, Any]) -> bytes:
    return _written(message)[:-1] + b',"type":"cancel","type":"commit"}'


def _other_bytes(rng: Random, message: dict[str, Any]) -> bytes:
    data = bytearray(_written(message))
    for _ in range(rng.randrange(1, 6)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def _cut(rng: Random, message: dict[str, Any]) -> bytes:
    data = _written(message)
    return data[: rng.randrange(len(data))]


def oversized(rng: Random) -> bytes:
    """A text above the limit of the dialect or of the transport."""
    size = rng.choice((native.MAX_MESSAGE_BYTES, 5 * native.MAX_MESSAGE_BYTES))
    return b'{"type":"text","text":"' + b"x" * size + b'"}'


def audio(rng: Random) -> bytes:
    """A short piece of silence or noise, mostly of whole samples."""
    size = rng.choice((0, 1, 2, 320, 639, 640, 640, 640, 1_280, 3_200, rng.randrange(4_000)))
    return bytes(size) if rng.random() < 0.5 else rng.randbytes(size)
