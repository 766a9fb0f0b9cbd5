"""Programs and a library that talk to a voicegw server from the other end of the socket.

client.py        the asyncio client everything here is built on
line.py          opening connections, and coming back when one is lost
unacknowledged.py
                 what was sent and may have to be sent again
errors.py        what can go wrong at this end
audio.py         sound files, real-time pacing, the microphone
talk.py          a source of audio in, messages out, both at once
conversation.py  what has been said so far, from the server's messages
terminal.py      the live view
microphone.py    `python -m clients.microphone`: talk to a server, or play it a file
local_server.py  a server of one's own for as long as a block lasts
samples.py       the sample recordings and what is said in them
demo.py          `scripts/demo`: the bundled model and a sample conversation
"""
