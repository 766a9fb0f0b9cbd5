"""A client library for voicegw servers, and programs that use it.

In the distribution voicegw-client, as `voicegw_client`:

client.py        the asyncio client that all programs use
connection.py    one connection, with a health check
connector.py     opens connections, and new ones when one is lost
resend_buffer.py messages that the server has not acknowledged
errors.py        the errors of clients
audio.py         sound files, real-time pacing, the microphone
talk.py          sends a source of audio and receives messages at the same time
conversation.py  the turns so far, from the server's messages
terminal.py      the live view
microphone.py    `voicegw-client`: talk to a server, or stream a file to it
microphone_options.py  its command line
devices.py       the audio devices of this machine
push_to_talk.py  the space bar opens and closes the microphone
levels.py        the level of audio, and taps on a source
session_recording.py  saves both sides of a session, as recordings for the benchmarks
assistant_track.py  records replies at the time at which they are heard
playback.py      plays reply audio and reports what was played
telephony_bridge.py `python -m clients.telephony_bridge`: calls of Asterisk's AudioSocket to a server
bridged_call.py  one of these calls
audiosocket.py   the packets of AudioSocket
paced_output.py  sends reply audio in real time

Not in it:

call_simulator.py `python -m clients.call_simulator`: a simulated telephone call
calls/           the parts of such a call, and the carriers
demo.py          `voicegw demo`: the bundled model and a sample conversation
voice_demo.py    `voicegw demo --voice`: a spoken conversation in a WAV file
local_server.py  a server process for the duration of a block
samples.py       the sample recordings and their transcripts
hatch_build.py   writes these modules into the distributions
"""

from clients.client import DEFAULT_URL, VoiceClient
from clients.errors import (
    AudioError,
    ClientError,
    ConnectionLost,
    ProtocolError,
    Refused,
    Unreachable,
)
from voicegw.dialects import native as protocol

__all__ = [
    "DEFAULT_URL",
    "AudioError",
    "ClientError",
    "ConnectionLost",
    "ProtocolError",
    "Refused",
    "Unreachable",
    "VoiceClient",
    "protocol",
]
