"""The dialect of `/asterisk`: telephone calls by the channel driver chan_websocket of Asterisk."""

from voicegw.dialects.asterisk.control import MAX_MESSAGE_BYTES
from voicegw.dialects.asterisk.dialect import PATH, AsteriskDialect

__all__ = ["MAX_MESSAGE_BYTES", "PATH", "AsteriskDialect"]
