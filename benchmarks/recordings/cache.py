"""A cache of slow computations on recordings, in the user's cache directory.

The key of an entry contains everything it depends on, so entries are never out of date.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import msgspec

Kept = TypeVar("Kept")


def cached(category: str, depends_on: tuple[str, ...], kind: type[Kept], find: Callable[[], Kept]) -> Kept:
    """The cached value of that category for these strings; computed by `find` and stored if it is missing."""
    key = hashlib.sha256(msgspec.json.encode(depends_on)).hexdigest()
    path = cache_directory() / category / f"{key}.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        found = find()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")  # another benchmark may write the same entry
    unfinished.write_bytes(msgspec.json.encode(found))
    unfinished.replace(path)
    return found


def cache_directory() -> Path:
    """The project's part of the user's cache directory."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "voicegw"


@cache
def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
