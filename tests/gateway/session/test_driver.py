"""The driver carries out all actions of a session, in order, after each input."""

from typing import Any, cast

import pytest

from voicegw.core.actions import Action, Close, ConfirmReply
from voicegw.core.session import Session
from voicegw.errors import InvalidState
from voicegw.gateway.session.driver import Driver


class FakeSession:
    """Returns one action for each input."""

    def __init__(self) -> None:
        self.pending: list[Action] = []
        self.answers: list[tuple[object, float]] = []
        self.audio: list[tuple[bytes, float]] = []

    def receive_audio(self, data: bytes, now: float) -> None:
        self.audio.append((data, now))
        self.pending.append(ConfirmReply(1))

    def receive_command(self, *, valid: bool) -> None:
        self.pending.append(ConfirmReply(1))
        if not valid:
            raise InvalidState

    def receive_recognition(self, answer: object, now: float) -> None:
        self.answers.append((answer, now))
        self.pending.append(Close())

    def actions(self) -> list[Action]:
        returned, self.pending = self.pending, []
        return returned


def driven() -> tuple[FakeSession, Driver, list[Action]]:
    session, performed = FakeSession(), list[Action]()
    return session, Driver(cast(Session, session), performed.append), performed


def test_actions_are_carried_out_in_order() -> None:
    session, driver, performed = driven()
    session.pending = [Close()]
    driver.receive(session.receive_command, valid=True)
    assert performed == [Close(), ConfirmReply(1)]
    driver.run()
    assert len(performed) == 2


def test_after_an_error_no_action_is_carried_out() -> None:
    session, driver, performed = driven()
    with pytest.raises(InvalidState):
        driver.receive(session.receive_command, valid=False)
    assert performed == []


def test_audio_reaches_the_session_with_its_time() -> None:
    session, driver, performed = driven()
    driver.receive_audio(b"\1\2", 5.0)
    assert session.audio == [(b"\1\2", 5.0)]
    assert performed == [ConfirmReply(1)]


def test_a_recognition_result_reaches_the_session_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 7.0)
    session, driver, performed = driven()
    answer: Any = object()
    driver.receive_recognition(answer)
    assert session.answers == [(answer, 7.0)]
    assert performed == [Close()]
