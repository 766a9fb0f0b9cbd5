"""What a client process of the Realtime benchmark is asked for, and what it answers."""

import msgspec

DEADLINE_S = 60.0  # of a session, beyond the duration of its file


class Request(msgspec.Struct, frozen=True):
    """The session that is wanted. manual: no turn detection; one commit follows the last frame. reply: of the
    server, as text."""

    file: str
    language: str = ""
    manual: bool = False
    reply: bool = False


class Event(msgspec.Struct, frozen=True):
    """A server event and its arrival. text: its delta, its transcript, or the message of an error."""

    at_s: float
    kind: str
    item: str = ""
    text: str = ""


class Session(msgspec.Struct, frozen=True):
    """What happened. begin_s: when the first frame was scheduled. committed_s: when the commit was sent; None
    without one. latest_send_s: the maximum lateness of a frame."""

    file: str
    begin_s: float
    committed_s: float | None
    latest_send_s: float
    events: tuple[Event, ...]
