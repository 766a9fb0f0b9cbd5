"""A client library for voicegw servers, and programs that use it.

client.py        the asyncio client that all programs use
connection.py    one connection, with a health check
connector.py     opens connections, and new ones when one is lost
resend_buffer.py messages that the server has not acknowledged
errors.py        the errors of clients
audio.py         sound files, real-time pacing, the microphone
talk.py          sends a source of audio and receives messages at the same time
conversation.py  the turns so far, from the server's messages
terminal.py      the live view
microphone.py    `python -m clients.microphone`: talk to a server, or stream a file to it
microphone_options.py  its command line
devices.py       the audio devices of this machine
push_to_talk.py  the space bar opens and closes the microphone
levels.py        the level of audio, and taps on a source
session_recording.py  saves both sides of a session, as recordings for the benchmarks
assistant_track.py  records replies at the time at which they are heard
playback.py      plays reply audio and reports what was played
voice_demo.py    `scripts/demo --voice`: a spoken conversation in a WAV file
local_server.py  a server process for the duration of a block
samples.py       the sample recordings and their transcripts
telephony_bridge.py `python -m clients.telephony_bridge`: calls of Asterisk's AudioSocket to a server
bridged_call.py  one of these calls
audiosocket.py   the packets of AudioSocket
paced_output.py  sends reply audio in real time
call_simulator.py `python -m clients.call_simulator`: a simulated telephone call
calls/           the parts of such a call, and the carriers
demo.py          `scripts/demo`: the bundled model and a sample conversation
"""
