"""Forms of clients, well formed and not."""

from collections.abc import AsyncGenerator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.errors import InvalidParameter
from voicegw.gateway.rest.form import Form, read_form

TYPE = 'multipart/form-data; boundary="abc"'
MAX_BYTES = 1_000_000


def part(name: str, value: bytes, more: str = "") -> bytes:
    return f'--abc\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


def file(name: str, value: bytes) -> bytes:
    return part(name, value, '; filename="a.wav"\r\nContent-Type: audio/wav')


END = b"--abc--\r\n"


async def read(body: bytes, content_type: str = TYPE, piece: int = 10_000) -> Form:
    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(body), piece):
            yield body[start : start + piece]

    return await read_form(content_type, pieces(), MAX_BYTES)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
async def test_fields_and_a_file(piece: int) -> None:
    content = bytes(range(256)) * 30
    body = (
        part("model", b"whisper-1")
        + part("x[]", b"1")
        + file("file", content)
        + part("x[]", "ä".encode())
        + END
    )
    form = await read(body, piece=piece)
    assert form.fields == {"model": ["whisper-1"], "x[]": ["1", "ä"]}
    assert form.files == {"file": content}
    assert (form.value("model"), form.value("missing")) == ("whisper-1", "")
    with pytest.raises(InvalidParameter, match="more than once"):
        form.value("x[]")


BAD = {
    "another type": (part("a", b"b") + END, "application/json"),
    "no boundary": (part("a", b"b") + END, "multipart/form-data"),
    "no form": (b"hello", TYPE),
    "no name": (b"--abc\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END, TYPE),
    "no text": (part("a", b"\xff") + END, TYPE),
    "two files": (file("file", b"1") + file("file", b"2") + END, TYPE),
    "many fields": (part("a", b"b") * 101 + END, TYPE),
    "a long field": (part("a", b"b" * 16_385) + END, TYPE),
    "a long header": (b"--abc\r\n" + b"x" * 100_000, TYPE),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_refused(name: str) -> None:
    with pytest.raises(InvalidParameter):
        await read(*BAD[name])


@given(st.binary(max_size=200), st.sampled_from([b"", file("file", b"x"), part("a", b"b")]))
async def test_any_bytes(body: bytes, before: bytes) -> None:
    with suppress(InvalidParameter):
        await read(before + body)
