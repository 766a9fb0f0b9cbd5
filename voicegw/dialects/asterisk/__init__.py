"""The dialect of `/asterisk`: telephone calls by the channel driver chan_websocket of Asterisk."""

from voicegw.dialects.asterisk.dialect import PATH, AsteriskDialect
from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES

__all__ = ["MAX_MESSAGE_BYTES", "PATH", "AsteriskDialect"]
