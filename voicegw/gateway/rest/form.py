"""The fields of a `multipart/form-data` request."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from voicegw.core.text import quoted
from voicegw.errors import InvalidParameter

_MULTIPART = "multipart/form-data"
_MAX_FIELDS = 100
_MAX_FIELD_BYTES = 16_384
_PIECE_BYTES = 4_096  # parsed at a time: 2 ms at most, whatever the bytes are

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # its warnings quote what clients send


@dataclass
class Form:
    """fields: the values of each field, in order. files: the content of each file, by field."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """The value of a field; empty when it is missing. Raises InvalidParameter when it is repeated."""
        values = self.fields.get(name, [])
        if len(values) > 1:
            raise InvalidParameter(f"{name}: given more than once")
        return values[0] if values else ""


async def read_form(content_type: str, body: AsyncGenerator[bytes, None], max_bytes: int) -> Form:
    """The form in the body of a request. Raises InvalidParameter, and the errors of `body`."""
    kind, options = parse_options_header(content_type)
    if kind.decode("latin-1").lower() != _MULTIPART:
        raise InvalidParameter(f"the content type must be {_MULTIPART}, not {quoted(content_type)}")
    form = Form()
    try:
        parser = FormParser(
            _MULTIPART,
            lambda each: _add_field(form, each),
            lambda each: _add_file(form, each),
            boundary=options.get(b"boundary"),
            config={"MAX_MEMORY_FILE_SIZE": max_bytes + 1, "MAX_BODY_SIZE": max_bytes},
        )
        async for data in body:
            for start in range(0, len(data), _PIECE_BYTES):
                parser.write(data[start : start + _PIECE_BYTES])
                await asyncio.sleep(0)
        parser.finalize()
    except (FormParserError, UnicodeDecodeError):
        raise InvalidParameter(f"the body is not valid {_MULTIPART}") from None
    return form


def _add_field(form: Form, parsed: Field) -> None:
    value = parsed.value or b""
    if sum(map(len, form.fields.values())) >= _MAX_FIELDS or len(value) > _MAX_FIELD_BYTES:
        raise InvalidParameter(f"at most {_MAX_FIELDS} fields of {_MAX_FIELD_BYTES} bytes each are accepted")
    form.fields.setdefault((parsed.field_name or b"").decode(), []).append(value.decode())


def _add_file(form: Form, parsed: File) -> None:
    name = (parsed.field_name or b"").decode()
    if form.files:
        raise InvalidParameter(f"{quoted(name)}: only one file is accepted")
    parsed.file_object.seek(0)
    form.files[name] = parsed.file_object.read()
    parsed.close()
