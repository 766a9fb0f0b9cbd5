"""The dialect of `/twilio`: telephone calls by Twilio Media Streams, and by the similar protocols of Telnyx,
Exotel and Plivo."""

from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES
from voicegw.dialects.twilio.dialect import PATH, TwilioDialect
from voicegw.dialects.twilio.signature import TwilioOptions

__all__ = ["MAX_MESSAGE_BYTES", "PATH", "TwilioDialect", "TwilioOptions"]
