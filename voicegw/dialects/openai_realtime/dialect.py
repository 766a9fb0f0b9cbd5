"""OpenAI's Realtime API: JSON with audio in base64; a client may resume its session in the same gateway."""

import hashlib
from urllib.parse import parse_qsl

from voicegw.core.audio import AudioFormat
from voicegw.core.profile import SessionProfile
from voicegw.dialects.bearer import bearer_token
from voicegw.dialects.openai_realtime.audio_formats import RATE
from voicegw.dialects.openai_realtime.client_events import MAX_MESSAGE_BYTES
from voicegw.dialects.openai_realtime.codec import RealtimeCodec
from voicegw.dialects.openai_realtime.items import SESSION_PREFIX, Ids
from voicegw.dialects.openai_realtime.session_fields import CONVERSATION, TRANSCRIPTION, SessionFields
from voicegw.dialects.port import Dialect, Handshake, Opening, Resume

PATH = "/v1/realtime"
SUBPROTOCOL = "realtime"
_TOKEN_PREFIX = "openai-insecure-api-key."
_MAX_MODEL_CHARACTERS = 200
_DEFAULT_MODEL = "voicegw"


class RealtimeDialect(Dialect):
    """The token is in a header or in a subprotocol; the query states the kind of session, or the one to
    resume. speaks: the server has a voice. passes_voices: its engine knows the protocol's voices by name."""

    name = "openai_realtime"
    path = PATH
    subprotocols = (SUBPROTOCOL,)
    max_message_bytes = transport_bytes = MAX_MESSAGE_BYTES
    resumable = True

    def __init__(self, *, speaks: bool, passes_voices: bool = False) -> None:
        self._speaks = speaks
        self._passes_voices = passes_voices

    def connect(self, handshake: Handshake) -> RealtimeCodec:
        """See Dialect."""
        query = dict(parse_qsl(handshake.query))
        kind = TRANSCRIPTION if query.get("intent") == "transcription" else CONVERSATION
        model = query.get("model", _DEFAULT_MODEL)[:_MAX_MODEL_CHARACTERS]
        fields = SessionFields(kind, model, self._speaks, self._passes_voices)
        profile = SessionProfile(RATE, AudioFormat.PCM).configured(fields.configuration)
        token = bearer_token(handshake.headers, _TOKEN_PREFIX)
        keys = "".join(handshake.headers.get_all("Sec-WebSocket-Key"))
        ids = Ids(hashlib.sha256(keys.encode()).hexdigest()[:12])
        name = query.get("session_id", "").removeprefix(SESSION_PREFIX)
        resume = Resume(name) if name else None
        return RealtimeCodec(Opening(profile, token, resume), ids, fields, query.get("last_event_id"))
