"""The dialect of `/bridge`: telephone calls as raw audio in binary messages, by jambonz (`listen`),
FreeSWITCH (mod_audio_fork, mod_audio_stream) and Vonage."""

from voicegw.dialects.bridge.dialect import PATH, BridgeDialect
from voicegw.dialects.bridge.vonage_signature import VonageOptions
from voicegw.dialects.text_messages import MAX_MESSAGE_BYTES

__all__ = ["MAX_MESSAGE_BYTES", "PATH", "BridgeDialect", "VonageOptions"]
