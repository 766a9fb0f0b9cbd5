"""Drives one session: hands it what happens, and has its actions carried out after each."""

import time
from collections.abc import Callable
from typing import ParamSpec

from voicegw.core.actions import Action
from voicegw.core.session import Session

Arguments = ParamSpec("Arguments")


class Driver:
    """`perform` carries out one action. Everything that may change the session goes through here, so that no
    action is left lying or done out of order."""

    def __init__(self, session: Session, perform: Callable[[Action], None]) -> None:
        self.session = session
        self._perform = perform

    def receive(
        self, handler: Callable[Arguments, object], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> None:
        """Calls a `receive_*` of the session, or of a part of it, and does what it then wants. Raises what
        the handler raises, with nothing done."""
        handler(*arguments, **named)
        self.run()

    def receive_recognition(self, answer: object) -> None:
        """What came of a Recognize, now."""
        self.receive(self.session.receive_recognition, answer, time.monotonic())

    def run(self) -> None:
        """Does what the session wants by now."""
        for action in self.session.actions():
            self._perform(action)
