"""Passes inputs to one session, and carries out its actions after each input."""

import time
from collections.abc import Callable
from typing import ParamSpec

from voicegw.core.actions import Action
from voicegw.core.session import Session

Arguments = ParamSpec("Arguments")


class Driver:
    """perform: carries out one action. Every change of the session uses this class, so that all actions are
    carried out, in order."""

    def __init__(self, session: Session, perform: Callable[[Action], None]) -> None:
        self.session = session
        self._perform = perform

    def receive(
        self, handler: Callable[Arguments, object], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> None:
        """Calls a `receive_*` method of the session, or of a part of it, and carries out the resulting
        actions. Raises the error of the handler, without carrying out any action."""
        handler(*arguments, **named)
        self.run()

    def receive_audio(self, data: bytes, now: float) -> None:
        """Passes audio of the client to the session. This call has no `*arguments`, because it is made for
        each frame."""
        self.session.receive_audio(data, now)
        self.run()

    def receive_recognition(self, answer: object) -> None:
        """Passes the result of a Recognize action to the session."""
        self.receive(self.session.receive_recognition, answer, time.monotonic())

    def run(self) -> None:
        """Carries out the pending actions."""
        for action in self.session.actions():
            self._perform(action)
