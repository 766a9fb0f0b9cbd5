"""The turn state of a dialogue, as a table.

The user speaks (listening), the model is requested (thinking) and answers (replying). Speech while the model
thinks or replies is an overlap: words make it a barge-in, which stops the reply; after a cough or an "mm-hm"
the reply continues. If the reply asks a question, such words may answer it after the reply. A typed message
starts a new reply at once.

When the speaker pauses, the model may be requested early (speculating). The reply is hidden until the turn is
over. If the final is as expected, the reply is shown. If speech continues or the final differs, the reply
stops and the client never receives anything of it.

A greeting is a reply to nothing: no model is requested.
"""

from enum import Enum

from voicegw.core.state_machine import StateMachine


class State(Enum):
    IDLE = "idle"
    LISTENING = "listening"
    SPECULATING = "speculating"  # a pause; a reply to the words so far is requested and hidden
    THINKING = "thinking"
    REPLYING = "replying"
    OVERLAP = "overlap"  # speech over a reply, no words recognised yet


class Signal(Enum):
    SPEECH = "speech starts"  # or continues after a pause
    PAUSE = "pause with words"
    WORDS = "words recognised"
    FINAL = "final with words"
    EXPECTED_FINAL = "final as expected"
    EMPTY_FINAL = "final without words"
    TYPED = "typed message"
    GREETING = "greeting"
    FIRST_TOKEN = "first token"
    REPLY_OVER = "reply over"
    CANCEL = "cancelled"


class Effect(Enum):
    """The output of a transition: what to do with the reply."""

    START = "start reply"
    PREPARE = "prepare reply"
    CONFIRM = "show reply"
    STOP = "stop reply"
    RESTART = "stop and start reply"


TABLE = {
    (State.IDLE, Signal.SPEECH): (State.LISTENING, None),
    (State.IDLE, Signal.FINAL): (State.THINKING, Effect.START),
    (State.IDLE, Signal.TYPED): (State.THINKING, Effect.START),
    (State.IDLE, Signal.GREETING): (State.THINKING, Effect.START),
    (State.IDLE, Signal.CANCEL): (State.IDLE, None),
    (State.LISTENING, Signal.SPEECH): (State.LISTENING, None),
    (State.LISTENING, Signal.PAUSE): (State.SPECULATING, Effect.PREPARE),
    (State.LISTENING, Signal.WORDS): (State.LISTENING, None),
    (State.LISTENING, Signal.FINAL): (State.THINKING, Effect.START),
    (State.LISTENING, Signal.EMPTY_FINAL): (State.IDLE, None),
    (State.LISTENING, Signal.TYPED): (State.OVERLAP, Effect.START),
    (State.LISTENING, Signal.CANCEL): (State.LISTENING, None),
    (State.SPECULATING, Signal.SPEECH): (State.LISTENING, Effect.STOP),
    (State.SPECULATING, Signal.WORDS): (State.SPECULATING, None),
    (State.SPECULATING, Signal.EXPECTED_FINAL): (State.THINKING, Effect.CONFIRM),
    (State.SPECULATING, Signal.FINAL): (State.THINKING, Effect.RESTART),
    (State.SPECULATING, Signal.EMPTY_FINAL): (State.IDLE, Effect.STOP),
    (State.SPECULATING, Signal.TYPED): (State.OVERLAP, Effect.RESTART),
    (State.SPECULATING, Signal.REPLY_OVER): (State.LISTENING, None),
    (State.SPECULATING, Signal.CANCEL): (State.SPECULATING, None),
    (State.THINKING, Signal.SPEECH): (State.OVERLAP, None),
    (State.THINKING, Signal.TYPED): (State.THINKING, Effect.RESTART),
    (State.THINKING, Signal.FIRST_TOKEN): (State.REPLYING, None),
    (State.THINKING, Signal.REPLY_OVER): (State.IDLE, None),
    (State.THINKING, Signal.CANCEL): (State.IDLE, Effect.STOP),
    (State.REPLYING, Signal.SPEECH): (State.OVERLAP, None),
    (State.REPLYING, Signal.TYPED): (State.THINKING, Effect.RESTART),
    (State.REPLYING, Signal.FIRST_TOKEN): (State.REPLYING, None),
    (State.REPLYING, Signal.REPLY_OVER): (State.IDLE, None),
    (State.REPLYING, Signal.CANCEL): (State.IDLE, Effect.STOP),
    (State.OVERLAP, Signal.SPEECH): (State.OVERLAP, None),
    (State.OVERLAP, Signal.WORDS): (State.LISTENING, Effect.STOP),
    (State.OVERLAP, Signal.EMPTY_FINAL): (State.REPLYING, None),
    (State.OVERLAP, Signal.TYPED): (State.OVERLAP, Effect.RESTART),
    (State.OVERLAP, Signal.FIRST_TOKEN): (State.OVERLAP, None),
    (State.OVERLAP, Signal.REPLY_OVER): (State.LISTENING, None),
    (State.OVERLAP, Signal.CANCEL): (State.LISTENING, Effect.STOP),
}


def new_machine() -> StateMachine[State, Signal, Effect]:
    """The state machine of a new session, in the idle state."""
    return StateMachine(TABLE, State.IDLE)
