"""The maximum memory of the gateway's process, derived from its options and from the bounds in its code.

Every queue and buffer of a connection, a session and the process is a `Part`. All parts are counted as full
at the same time: far more than a server uses, and a limit that no client can make it exceed. Recognition
processes, and the memory of the process before its first client, are not included.
"""

from dataclasses import dataclass

from websockets.asyncio.messages import MAX_FRAGMENTS

from voicegw.config import Settings
from voicegw.core.audio import INPUT_RATES, LONGEST_CREDIT_MS, SAMPLE_RATE
from voicegw.core.history_length import KEPT_EXTRA_CHARACTERS
from voicegw.core.listener import LONGEST_WAIT_S
from voicegw.core.moderation_queue import MOST_WAITING_CHARACTERS
from voicegw.dialects import native, openai_realtime
from voicegw.dialects.bridge.media_format import RATES as BRIDGE_RATES
from voicegw.dialects.openai_realtime import MAX_INSTRUCTIONS_CHARACTERS
from voicegw.dialects.port import TRANSPORT_LIMIT
from voicegw.gateway.http.limited_connection import READ_BYTES
from voicegw.gateway.http.plain_http import MAX_REQUEST_BYTES
from voicegw.gateway.server import QUEUED_FRAMES
from voicegw.gateway.session.outbox import MAX_AUDIO_MS
from voicegw.reply.llm.chunks import MAX_EXTRA_CHARACTERS
from voicegw.reply.tools.local_background_calls import KEPT_UPDATES
from voicegw.reply.voice.sentence_voice import MAX_SENTENCE_S

_SAMPLE_BYTES = 2
_IDLE_BYTES = 100_000  # of an idle connection and its session, with TLS
_FRAME_BYTES = 200  # of the object that holds a frame
_LEAST_FRAME_BYTES = 6  # when sent
_WRITE_BUFFER_BYTES = 32_768  # of the transport, before the writer waits: the package's default
_CHARACTER_BYTES = 4  # at most, in a string
_TOKEN_CHARACTERS = 128  # of the longest that there is
_MESSAGE_BYTES = 300  # of the objects of one in the history, which counts as 16 characters there
_MESSAGE_CHARACTERS = 16
_TYPED_CHARACTERS = openai_realtime.MAX_TEXT_CHARACTERS  # of the longest message
_GROWTH = 9 / 8  # by which a bytearray is larger than what it holds
_LONGEST_WINDOW_S = 28
# /vosk reads longer ones, but its sessions have no replies, so they need less in all
_LONGEST_FRAME = max(TRANSPORT_LIMIT * native.MAX_MESSAGE_BYTES, openai_realtime.MAX_MESSAGE_BYTES)
_WORDS_PER_MINUTE = 400  # of somebody who speaks fast
_WORD_BYTES = 1_000  # of the objects of one, and of its text in the response
_MB = 1_000_000


@dataclass(frozen=True)
class Part:
    """The maximum size of one buffer, and the maximum number of them."""

    name: str
    each_bytes: int
    count: int


@dataclass(frozen=True)
class Ceiling:
    """`sessions`: the parts of a session and its connection. `others`: those of the process."""

    sessions: tuple[Part, ...]
    others: tuple[Part, ...]

    @classmethod
    def of(cls, settings: Settings) -> "Ceiling":
        """By these options."""
        count = settings.gateway.admission.max_sessions
        parts = {
            "an idle connection": _IDLE_BYTES,
            "messages of a client, until they are taken": read_bytes(),
            "audio that waits for its words; its decode jobs": _audio_bytes(settings),
            "events, until they are acknowledged": _event_bytes(settings),
            "the history and a prompt": _history_bytes(settings),
            "reply audio": _reply_audio_bytes(settings),
            "results of tools, and what an endpoint adds to calls": _tool_bytes(settings),
            "fields and items that a codec keeps": openai_realtime.MAX_KEPT_CHARACTERS * _CHARACTER_BYTES
            + openai_realtime.KEPT_BYTES,
            "texts to be moderated": MOST_WAITING_CHARACTERS * _CHARACTER_BYTES,
        }
        pending = settings.gateway.handshake.max_pending
        tools, rest = settings.tools, settings.gateway.rest
        kept = 2 * (tools.max_background + tools.background_at_once)
        return cls(
            tuple(Part(name, each, count) for name, each in parts.items()),
            (
                Part("a handshake under way", 2 * MAX_REQUEST_BYTES + _IDLE_BYTES, pending),
                Part("a tool call in the background", (KEPT_UPDATES + 1) * tools.max_result_bytes, kept),
                Part("a recording, its audio and its words", _recording_bytes(settings), rest.at_once),
            ),
        )

    def total_bytes(self, sessions: int | None = None) -> int:
        """Of all parts, with `sessions` sessions, or the maximum number."""
        of_sessions = sum(
            part.each_bytes * (part.count if sessions is None else sessions) for part in self.sessions
        )
        return of_sessions + sum(part.each_bytes * part.count for part in self.others)

    def table(self) -> str:
        """The table of scripts/deploy/limits.md."""
        rows = [(part.name, part.each_bytes, part.count) for part in (*self.sessions, *self.others)]
        lines = [f"| {name} | {each / _MB:.2f} MB | {count} |" for name, each, count in rows]
        head = ["| buffers of the gateway, for each | at most | number |", "|---|---|---|"]
        return "\n".join([*head, *lines, f"| all of them | {self.total_bytes() / 1000 / _MB:.1f} GB | |"])


def read_bytes(longest_frame: int = _LONGEST_FRAME) -> int:
    """An incomplete frame, the queued ones, and the fragments of a message, which are joined and decoded."""
    frames = QUEUED_FRAMES + 1 + READ_BYTES // _LEAST_FRAME_BYTES + MAX_FRAGMENTS
    text = 2 * longest_frame
    return (QUEUED_FRAMES + 2) * longest_frame + text + frames * _FRAME_BYTES


def _audio_bytes(settings: Settings) -> int:
    """Audio is kept no longer than the maximum wait for its words; in that time no more arrives than
    real-time audio, a backlog, and the allowed burst. A decode has a window; a second one may replace it, and
    each is copied when it is sent to a process."""
    session = settings.session
    ahead_s = (LONGEST_CREDIT_MS + session.max_burst_ms) / 1000
    kept_s = (session.endpoint.max_utterance_ms + session.recognition.context_ms) / 1000
    seconds = (LONGEST_WAIT_S + ahead_s + kept_s) * _GROWTH + 2 * 2 * _LONGEST_WINDOW_S
    return round(seconds * SAMPLE_RATE * _SAMPLE_BYTES)


def _event_bytes(settings: Settings) -> int:
    """Waiting events, at most twice the limit, sent events, and the one that is being sent."""
    waiting = 2 * settings.gateway.connection.max_outbox_bytes
    return waiting + settings.gateway.resume.max_kept_bytes + _WRITE_BUFFER_BYTES + _reply_bytes(settings)


def _reply_bytes(settings: Settings) -> int:
    return settings.llm.max_tokens * _TOKEN_CHARACTERS * _CHARACTER_BYTES


def _history_bytes(settings: Settings) -> int:
    """The system prompt and the history, which is shortened for the next prompt, with what an endpoint has
    added to calls; a prompt and its encoded copy."""
    characters = settings.session.dialogue.history_characters + MAX_INSTRUCTIONS_CHARACTERS
    messages = characters // _MESSAGE_CHARACTERS * _MESSAGE_BYTES
    history = (characters + _TYPED_CHARACTERS + KEPT_EXTRA_CHARACTERS) * _CHARACTER_BYTES
    return messages + 3 * (history + _reply_bytes(settings))


def _recording_bytes(settings: Settings) -> int:
    """The file as it is parsed, taken out of the form and written to the process that decodes it; its audio,
    until it is decoded; its words."""
    file = 3 * settings.gateway.rest.max_upload_mb * _MB
    audio = 4 * _LONGEST_WINDOW_S * SAMPLE_RATE * _SAMPLE_BYTES
    words = settings.recordings.max_minutes * _WORDS_PER_MINUTE * _WORD_BYTES
    return file + audio + words


def _reply_audio_bytes(settings: Settings) -> int:
    """The sentence that is played and the next one; audio that was sent and not played, which may be taken
    back; audio that waits for the socket."""
    sent_s = settings.session.speech.lead_ms / 1000
    seconds = (2 * MAX_SENTENCE_S + sent_s) * _GROWTH + MAX_AUDIO_MS / 1000
    return round(seconds * max(*INPUT_RATES, *BRIDGE_RATES) * _SAMPLE_BYTES)


def _tool_bytes(settings: Settings) -> int:
    """Of one reply, and of the next prompt."""
    tools = settings.tools
    characters = tools.max_result_bytes + MAX_EXTRA_CHARACTERS
    return 2 * tools.max_rounds * tools.max_calls * characters * _CHARACTER_BYTES
