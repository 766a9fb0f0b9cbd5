"""Reloads certificates and keys while the server runs: when their files change, and on SIGHUP."""

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
    """An object that is loaded from files."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Its files."""

    def reload(self) -> None:
        """Reads them again. Raises ConfigurationError, changing nothing, when they cannot be used."""


class Reloader:
    """Keeps `reloadables` up to date; logs a failed reload, and then keeps the previous state."""

    def __init__(self, reloadables: Sequence[Reloadable]) -> None:
        self._seen = [
            (reloadable, _stamp(reloadable.paths)) for reloadable in reloadables if reloadable.paths
        ]

    def reload(self) -> None:
        """Reloads everything now."""
        for number, (reloadable, _) in enumerate(self._seen):
            self._seen[number] = (reloadable, _stamp(reloadable.paths))
            try:
                reloadable.reload()
            except ConfigurationError as error:
                log.error("not reloaded", files=reloadable.paths, reason=error.message)
            except Exception as error:  # noqa: BLE001 - the text may quote a key; a bad file must not end the watch
                log.error("not reloaded", files=reloadable.paths, reason=type(error).__name__)
            else:
                log.info("reloaded", files=reloadable.paths)

    async def watch(self) -> None:
        """Reloads when a file has changed, until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_S)
            if any(_stamp(reloadable.paths) != seen for reloadable, seen in self._seen):
                self.reload()


def _stamp(paths: Sequence[str]) -> Stamp:
    """A value that changes when one of the files changes."""
    return tuple(map(_stamp_of, paths))


def _stamp_of(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
