"""The protocol of vosk-server: JSON and audio in lock step; sessions cannot be resumed."""

from urllib.parse import parse_qsl, unquote

from voicegw.core.commands import ReplyMode
from voicegw.core.profile import SessionProfile
from voicegw.core.text import quoted
from voicegw.dialects.bearer import bearer_token
from voicegw.dialects.language import checked_language
from voicegw.dialects.port import Dialect, Handshake
from voicegw.dialects.vosk.codec import MAX_AUDIO_BYTES, VoskCodec
from voicegw.dialects.vosk.results import ResultForm
from voicegw.errors import InvalidParameter

PATH = "/vosk"


class VoskDialect(Dialect):
    """The token is in a header or the last part of the path; the clients of Vosk have no option for it."""

    name = "vosk"
    path = PATH
    max_message_bytes = transport_bytes = MAX_AUDIO_BYTES

    def serves(self, path: str) -> bool:
        """Also serves the path with a token appended."""
        return path == PATH or path.startswith(f"{PATH}/")

    def connect(self, handshake: Handshake) -> VoskCodec:
        """See Dialect. The query may have `lang`, and `plain=1` for text without punctuation. Raises
        InvalidParameter."""
        values = dict(parse_qsl(handshake.query, keep_blank_values=True))
        if unknown := values.keys() - {"lang", "plain"}:
            raise InvalidParameter(f"unknown parameter {quoted(min(unknown))}")
        profile = SessionProfile(reply=ReplyMode.NONE, language=checked_language(values.get("lang", "")))
        token = bearer_token(handshake.headers) or unquote(handshake.path.removeprefix(PATH)).strip("/")
        return VoskCodec(profile, token or None, ResultForm(plain=values.get("plain", "0") not in ("0", "")))
