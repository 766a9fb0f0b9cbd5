"""The base class of values that are encoded as members of a union."""

import msgspec


class TaggedStruct(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A value whose encoding begins with the name of its class, so that a union of such classes can be
    decoded."""
