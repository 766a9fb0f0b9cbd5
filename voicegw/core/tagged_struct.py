"""The base of what is stored and handed from process to process in unions."""

import msgspec


class TaggedStruct(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """A value whose encoding begins with the name of its class, so that a union of such can be decoded."""
