"""A virtual environment for each peer, made once and kept in `.venv-peers/`, outside of version control.

Dependencies that its server does not import (a microphone library to be compiled, large other backends) are
left out: it is installed without its dependencies, with a list of pinned ones.
"""

import subprocess
import sys
from pathlib import Path

from benchmarks.peers.peer import Peer
from clients.errors import ClientError

ENVIRONMENTS = Path(__file__).resolve().parents[2] / ".venv-peers"
TORCH = "torch==2.13.0"
INSTALL_S = 1_800.0  # PyTorch is a large download
LOG_TAIL_CHARACTERS = 2_000


class NotInstalled(ClientError):
    """A peer's environment could not be made; the message has the end of the installer's output."""


def interpreter(peer: Peer) -> Path:
    """The Python of the peer's environment, which is made first when it is missing or out of date.

    A peer that requires no packages is this project, and runs in its own. Raises NotInstalled.
    """
    if not peer.requirements:
        return Path(sys.executable)
    place = ENVIRONMENTS / peer.name
    stamp, wanted = place / "installed", "\n".join((TORCH, *peer.requirements, *peer.bare))
    if not (stamp.is_file() and stamp.read_text() == wanted):
        print(f"installing {peer.name} into {place}...", file=sys.stderr)
        _run(sys.executable, "-m", "venv", "--clear", str(place))
        pip = str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"
        _run(*pip, TORCH, *peer.requirements)
        if peer.bare:
            _run(*pip, "--no-deps", *peer.bare)
        stamp.write_text(wanted)
    return place / "bin" / "python"


def home(peer: Peer) -> Path:
    """A directory of the peer's own, for what it would keep in the user's."""
    place = ENVIRONMENTS / f"{peer.name}-home"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _run(*command: str) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            timeout=INSTALL_S,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"not installed within {INSTALL_S:g} s") from None
    except subprocess.CalledProcessError as error:
        raise NotInstalled(f"installing failed\n{error.stdout[-LOG_TAIL_CHARACTERS:].rstrip()}") from None
