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
    ANTICIPATING = "anticipating"  # a pause: a reply to the words so far is being written, unseen
    THINKING = "thinking"
    REPLYING = "replying"
    CONTESTED = "contested"  # speech over a reply, no words recognised yet


class Signal(Enum):
    SPEECH = "speech starts"  # or goes on after a pause
    PAUSE = "pause with words"
    WORDS = "words recognised"
    HEARD = "final with words"
    EXPECTED = "final as expected"
    NOTHING = "final without words"
    TYPED = "typed message"
    TOKEN = "first token"
    REPLIED = "reply over"
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
    (State.IDLE, Signal.HEARD): (State.THINKING, Effect.START),
    (State.IDLE, Signal.TYPED): (State.THINKING, Effect.START),
    (State.IDLE, Signal.CANCEL): (State.IDLE, None),
    (State.LISTENING, Signal.SPEECH): (State.LISTENING, None),
    (State.LISTENING, Signal.PAUSE): (State.ANTICIPATING, Effect.PREPARE),
    (State.LISTENING, Signal.WORDS): (State.LISTENING, None),
    (State.LISTENING, Signal.HEARD): (State.THINKING, Effect.START),
    (State.LISTENING, Signal.NOTHING): (State.IDLE, None),
    (State.LISTENING, Signal.TYPED): (State.CONTESTED, Effect.START),
    (State.LISTENING, Signal.CANCEL): (State.LISTENING, None),
    (State.ANTICIPATING, Signal.SPEECH): (State.LISTENING, Effect.STOP),
    (State.ANTICIPATING, Signal.WORDS): (State.ANTICIPATING, None),
    (State.ANTICIPATING, Signal.EXPECTED): (State.THINKING, Effect.CONFIRM),
    (State.ANTICIPATING, Signal.HEARD): (State.THINKING, Effect.RESTART),
    (State.ANTICIPATING, Signal.NOTHING): (State.IDLE, Effect.STOP),
    (State.ANTICIPATING, Signal.TYPED): (State.CONTESTED, Effect.RESTART),
    (State.ANTICIPATING, Signal.REPLIED): (State.LISTENING, None),
    (State.ANTICIPATING, Signal.CANCEL): (State.ANTICIPATING, None),
    (State.THINKING, Signal.SPEECH): (State.CONTESTED, None),
    (State.THINKING, Signal.TYPED): (State.THINKING, Effect.RESTART),
    (State.THINKING, Signal.TOKEN): (State.REPLYING, None),
    (State.THINKING, Signal.REPLIED): (State.IDLE, None),
    (State.THINKING, Signal.CANCEL): (State.IDLE, Effect.STOP),
    (State.REPLYING, Signal.SPEECH): (State.CONTESTED, None),
    (State.REPLYING, Signal.TYPED): (State.THINKING, Effect.RESTART),
    (State.REPLYING, Signal.TOKEN): (State.REPLYING, None),
    (State.REPLYING, Signal.REPLIED): (State.IDLE, None),
    (State.REPLYING, Signal.CANCEL): (State.IDLE, Effect.STOP),
    (State.CONTESTED, Signal.SPEECH): (State.CONTESTED, None),
    (State.CONTESTED, Signal.WORDS): (State.LISTENING, Effect.STOP),
    (State.CONTESTED, Signal.NOTHING): (State.REPLYING, None),
    (State.CONTESTED, Signal.TYPED): (State.CONTESTED, Effect.RESTART),
    (State.CONTESTED, Signal.TOKEN): (State.CONTESTED, None),
    (State.CONTESTED, Signal.REPLIED): (State.LISTENING, None),
    (State.CONTESTED, Signal.CANCEL): (State.LISTENING, Effect.STOP),
}


def floor() -> StateMachine[State, Signal, Effect]:
    """A new conversation's machine: nobody holds the floor."""
    return StateMachine(TABLE, State.IDLE)
