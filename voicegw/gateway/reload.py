"""Files that are read again while the server runs: certificates and keys, when they change or on SIGHUP."""

import asyncio
import os
from collections.abc import Sequence
from typing import Protocol

import structlog

from voicegw.errors import ConfigurationError

log = structlog.get_logger(__name__)

_CHECK_S = 2.0

Stamp = tuple[tuple[int, int, int] | None, ...]


class Reloadable(Protocol):
    """Something made from files."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files."""

    def reload(self) -> None:
        """Reads them again. Raises ConfigurationError, changing nothing, when they cannot be used."""


class Reloader:
    """Keeps `things` up to date; what cannot be read is logged, and what was there before stays."""

    def __init__(self, things: Sequence[Reloadable]) -> None:
        self._seen = [(thing, _stamp(thing.paths)) for thing in things if thing.paths]

    def reload(self) -> None:
        """Takes up everything now."""
        for number, (thing, _) in enumerate(self._seen):
            self._seen[number] = (thing, _stamp(thing.paths))
            try:
                thing.reload()
            except ConfigurationError as error:
                log.error("not reloaded", files=thing.paths, reason=error.message)
            except Exception as error:  # noqa: BLE001 - it may quote a key, and what is in a file ends no watch
                log.error("not reloaded", files=thing.paths, reason=type(error).__name__)
            else:
                log.info("reloaded", files=thing.paths)

    async def watch(self) -> None:
        """Takes up what has changed, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_S)
            if any(_stamp(thing.paths) != seen for thing, seen in self._seen):
                self.reload()


def _stamp(paths: Sequence[str]) -> Stamp:
    """What changes when one of the files does."""
    return tuple(map(_stamp_of, paths))


def _stamp_of(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
