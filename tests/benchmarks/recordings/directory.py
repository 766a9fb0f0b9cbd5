"""A directory of recordings for tests: bundled samples beside a manifest."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clients.samples import SAMPLES

COMMAND = "command-1.wav"
TEXT = "Turn on the lights in the kitchen."


def entry(file: str = COMMAND, **fields: Any) -> dict[str, Any]:
    """A line of the manifest, about a sample of one sentence."""
    return {"file": file, "text": TEXT, "lang": "en", "kind": "command", **fields}


def write_directory(directory: Path, *entries: Mapping[str, Any], manifest: str = "manifest.jsonl") -> Path:
    """The manifest, and those of its files that are bundled samples."""
    for one in entries:
        if (SAMPLES / one["file"]).is_file():
            shutil.copy(SAMPLES / one["file"], directory)
    (directory / manifest).write_text("".join(json.dumps(one) + "\n" for one in entries))
    return directory
