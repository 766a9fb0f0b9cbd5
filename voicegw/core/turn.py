"""Who holds the floor, as a table.

The user speaks (listening), the model is asked (thinking) and answers (replying). Speech while the model
thinks or replies is contested ground: words make it a barge-in, which stops the reply; a cough or an "mm-hm"
ends as nothing and the reply goes on; if that asked something, it is an answer as soon as the reply is over.
A typed message is answered at once, whatever was being answered.

When the speaker pauses, the model may be asked ahead of time (anticipating). What it writes stays unseen
until the turn is certain. If the final is what the model was asked, the reply is shown; if speech resumes or
the final differs, it is stopped and nobody ever hears of it.
"""

from enum import Enum

from voicegw.core.state_machine import StateMachine


class State(Enum):
    IDLE = "idle"
    LISTENING = "listening"
    SPECULATING = "speculating"  # a pause: a reply to the words so far is being written, unseen
    THINKING = "thinking"
    REPLYING = "replying"
    OVERLAP = "overlap"  # speech over a reply, no words recognised yet


class Signal(Enum):
    SPEECH = "speech starts"  # or goes on after a pause
    PAUSE = "pause with words"
    WORDS = "words recognised"
    FINAL = "final with words"
    EXPECTED_FINAL = "final as expected"
    EMPTY_FINAL = "final without words"
    TYPED = "typed message"
    FIRST_TOKEN = "first token"
    REPLY_OVER = "reply over"
    CANCEL = "cancelled"


class Effect(Enum):
    """What is to be done about the reply."""

    START = "start reply"
    PREPARE = "prepare reply"
    CONFIRM = "show reply"
    STOP = "stop reply"
    RESTART = "stop and start reply"


TABLE = {
    (State.IDLE, Signal.SPEECH): (State.LISTENING, None),
    (State.IDLE, Signal.FINAL): (State.THINKING, Effect.START),
    (State.IDLE, Signal.TYPED): (State.THINKING, Effect.START),
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
    """A new conversation's machine: nobody holds the floor."""
    return StateMachine(TABLE, State.IDLE)
