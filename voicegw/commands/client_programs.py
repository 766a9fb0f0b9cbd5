"""`voicegw talk` and `voicegw demo`: the programs of the client that come with the server.

In a checkout the client is the package `clients`; a wheel contains it as `voicegw.client`, and this module
with that name in its imports (`clients/hatch_build.py`). It is imported only when one of them runs.
"""

import argparse
from collections.abc import Sequence

PROGRAMS = {
    "talk": "talk to a server in this terminal; `voicegw talk --help` lists the flags",
    "demo": "play a recorded conversation to a server with the bundled model, and show it",
}


def run(program: str, arguments: Sequence[str]) -> int:
    """Runs one of PROGRAMS; returns its exit status."""
    if program == "demo":
        from clients import demo

        return demo.main(arguments, "voicegw demo")
    from clients import microphone

    return microphone.main(arguments, "voicegw talk")


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each of PROGRAMS."""
    from clients import demo, microphone_options

    return {"talk": microphone_options.parser("voicegw talk"), "demo": demo.parser("voicegw demo")}
