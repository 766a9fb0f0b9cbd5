"""The profile of a session: its audio format, its language, when its turns end, and how they are answered.

The dialect creates it from the client's parameters; a token may fix parts of it; the server's options are
used for the rest. It is stored with the snapshot, and applied to requests to the model and to the voice.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import Configure, ReplyMode, SessionSettings
from voicegw.core.playback import Playout

MAX_INSTRUCTIONS_CHARACTERS = 8_000
MAX_TOOLS = 64
VOICE_NAME = r"^([A-Za-z0-9][A-Za-z0-9+._-]{0,63})?$"  # never looks like an option or a path


@dataclass(frozen=True, slots=True)
class SessionProfile(SessionSettings):
    """rate: of the client's audio and of reply audio, in Hz; audio_format: of both. These two are fixed when
    the session opens; the others may change.

    reply: how turns are answered. language: ISO 639-1, AUTO_LANGUAGE to detect it, empty for the server's.
    voice: the name of a voice of the engine; empty for the server's. playout: how the client plays reply
    audio. Of the inherited settings, None is for the server's; of `tools`, for all.
    """

    rate: int = 16_000
    audio_format: AudioFormat = AudioFormat.PCM
    reply: ReplyMode = ReplyMode.TEXT
    language: str = ""
    voice: str = ""
    playout: Playout = field(default_factory=Playout)

    @property
    def speaks(self) -> bool:
        """Whether replies are spoken."""
        return self.reply is ReplyMode.AUDIO

    @property
    def wants_replies(self) -> bool:
        """Whether the session answers."""
        return self.reply is not ReplyMode.NONE

    @property
    def answers_turns(self) -> bool:
        """Whether a turn is answered without a CreateReply."""
        return self.wants_replies and self.automatic is not False

    def speculates(self, *, usually: bool) -> bool:
        """Whether a reply may be requested before the end of a turn. usually: by the server's options."""
        return self.answers_turns and (usually if self.speculate is None else self.speculate)

    @property
    def may_interrupt(self) -> bool:
        """Whether speech may interrupt a reply."""
        return self.interruptible is not False

    @property
    def only_notes_turns(self) -> bool:
        """Whether some turns become part of the conversation without being answered."""
        return self.wants_replies and (self.automatic is False or not self.may_interrupt)

    def configured(self, command: Configure) -> "SessionProfile":
        """The profile with the values of the command."""
        return replace(self, **given(command))


def given(command: Configure) -> dict[str, Any]:
    """The values that a command sets, by name."""
    return {name: value for name, value in asdict(command).items() if value is not None}
