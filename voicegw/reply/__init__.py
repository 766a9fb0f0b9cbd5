"""The assistant's replies: the language model and its tools, the moderators of text, and the voice.

Each package holds one of these, and none of them imports another; `endpoints` and `functions` serve them all.
The gateway knows only protocols of the core: `Responder`, `Voice`, `Moderator` and `BackgroundCalls`.
"""
