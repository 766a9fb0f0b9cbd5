"""Simulated telephone calls, as a carrier conducts them with a voicegw server.

carrier.py       the port of a carrier: how a call opens, and how audio, marks and clears travel
playout.py       plays reply audio in real time, as the carrier does for the caller
caller.py        the caller: speaks a line, waits for the reply, and interrupts it
impairment.py    jitter and loss of the caller's packets
call.py          conducts a call over a connection
figures.py       the figures of a call
recording.py     both sides as a stereo WAV file
timeline.py      a picture of the call
twilio.py        Twilio and SignalWire; telnyx.py, exotel.py and plivo.py, whose protocols are similar
raw.py           raw audio in binary messages: jambonz.py, mod_audio_stream.py, vonage.py and asterisk.py
audiosocket_pbx.py  AudioSocket of Asterisk, with a bridge

`python -m clients.call_simulator` is the command.
"""
