"""The files of the web page. Read once, at the start: a request cannot name a file of this machine."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Self

from websockets.datastructures import Headers
from websockets.http11 import Response

from voicegw.gateway.http.plain_http import page

_PACKAGE = Path(__file__).resolve().parent.parent.parent
_PAGE = _PACKAGE / "page"
_CLIENT_PLACES = (_PAGE / "client", _PACKAGE.parent / "clients" / "web" / "src")  # in a wheel, in a checkout
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-cache",  # a copy is used after asking whether it is still valid
    "Content-Security-Policy": _POLICY,
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    content_type: str
    etag: str


class StaticFiles:
    """Files by their paths on the server."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = {path: _read(file) for path, file in files.items()}

    @classmethod
    def web_page(cls) -> Self:
        """The page at `/`, and the client module that it uses."""
        client = next(place for place in _CLIENT_PLACES if place.is_dir())
        index = {"/": _PAGE / "index.html"}
        return cls(index | dict(_served("/page/", _PAGE)) | dict(_served("/client/", client)))

    def answer(self, path: str, headers: Headers) -> Response | None:
        """The file at `path`; None if there is none."""
        if (file := self._files.get(path)) is None:
            return None
        fixed = _HEADERS | {"ETag": file.etag}
        if file.etag in _listed(headers.get_all("If-None-Match")):
            status = HTTPStatus.NOT_MODIFIED
            return Response(status.value, status.phrase, Headers(fixed | {"Connection": "close"}), b"")
        return page(HTTPStatus.OK, file.content, file.content_type, **fixed)


def _served(prefix: str, directory: Path) -> Iterator[tuple[str, Path]]:
    for file in directory.iterdir():
        if file.suffix in _TYPES:
            yield prefix + file.name, file


def _read(file: Path) -> _File:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return _File(content, _TYPES[file.suffix], f'"{digest}"')


def _listed(values: list[str]) -> set[str]:
    """The entity tags of these headers; a proxy may have made them weak."""
    return {tag.strip().removeprefix("W/") for value in values for tag in value.split(",")}
