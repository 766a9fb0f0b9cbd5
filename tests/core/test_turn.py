import pytest

from voicegw.core.state_machine import IllegalSignal
from voicegw.core.turn import TABLE, Effect, Signal, State, new_machine


def signals(*sequence: Signal) -> tuple[State, list[Effect]]:
    """Where the sequence leads from a new conversation, and what it has done to replies."""
    machine = new_machine()
    effects = [effect for signal in sequence if (effect := machine.signal(signal))]
    return machine.state, effects


ASKED = (Signal.SPEECH, Signal.FINAL)
REPLYING = (*ASKED, Signal.FIRST_TOKEN)


def test_a_turn() -> None:
    assert signals(*ASKED) == (State.THINKING, [Effect.START])
    assert signals(*REPLYING) == (State.REPLYING, [Effect.START])
    assert signals(*REPLYING, Signal.REPLY_OVER) == (State.IDLE, [Effect.START])


def test_a_sound_without_words_is_not_answered() -> None:
    assert signals(Signal.SPEECH, Signal.EMPTY_FINAL) == (State.IDLE, [])


def test_words_over_a_reply_stop_it() -> None:
    barge_in = (*REPLYING, Signal.SPEECH, Signal.WORDS)
    assert signals(*barge_in) == (State.LISTENING, [Effect.START, Effect.STOP])
    assert signals(*barge_in, Signal.FINAL) == (State.THINKING, [Effect.START, Effect.STOP, Effect.START])


def test_an_answer_over_a_reply_is_a_turn_once_it_is_over() -> None:
    spoken_over = (*REPLYING, Signal.SPEECH, Signal.EMPTY_FINAL, Signal.REPLY_OVER)
    assert signals(*spoken_over, Signal.FINAL) == (State.THINKING, [Effect.START, Effect.START])


def test_a_cough_over_a_reply_does_not() -> None:
    assert signals(*REPLYING, Signal.SPEECH, Signal.EMPTY_FINAL) == (State.REPLYING, [Effect.START])


def test_a_reply_may_end_during_speech() -> None:
    assert signals(*REPLYING, Signal.SPEECH, Signal.REPLY_OVER) == (State.LISTENING, [Effect.START])


@pytest.mark.parametrize("before", [ASKED, REPLYING, (*REPLYING, Signal.SPEECH)])
def test_a_typed_message_takes_a_replys_place(before: tuple[Signal, ...]) -> None:
    assert signals(*before, Signal.TYPED)[1] == [Effect.START, Effect.RESTART]


PAUSED = (Signal.SPEECH, Signal.PAUSE)


def test_a_reply_is_requested_in_a_pause_and_shown_when_the_final_is_as_expected() -> None:
    assert signals(*PAUSED) == (State.SPECULATING, [Effect.PREPARE])
    assert signals(*PAUSED, Signal.EXPECTED_FINAL) == (State.THINKING, [Effect.PREPARE, Effect.CONFIRM])


def test_a_speculative_reply_stops_when_the_speaker_continues() -> None:
    assert signals(*PAUSED, Signal.SPEECH) == (State.LISTENING, [Effect.PREPARE, Effect.STOP])


def test_a_speculative_reply_is_replaced_when_the_final_differs() -> None:
    assert signals(*PAUSED, Signal.FINAL) == (State.THINKING, [Effect.PREPARE, Effect.RESTART])
    assert signals(*PAUSED, Signal.EMPTY_FINAL) == (State.IDLE, [Effect.PREPARE, Effect.STOP])


def test_a_speculative_reply_is_shown_only_by_its_confirmation() -> None:
    shown = {State.THINKING, State.REPLYING, State.OVERLAP}
    for (state, signal), (following, effect) in TABLE.items():
        if state is State.SPECULATING and following in shown:
            assert effect in (Effect.CONFIRM, Effect.RESTART), signal


def test_a_typed_message_is_answered_while_someone_speaks() -> None:
    assert signals(Signal.SPEECH, Signal.TYPED) == (State.OVERLAP, [Effect.START])


def test_a_client_may_cancel_and_type_at_any_time() -> None:
    for state in State:
        assert (state, Signal.CANCEL) in TABLE
        assert (state, Signal.TYPED) in TABLE


@pytest.mark.parametrize("signal", [Signal.WORDS, Signal.EMPTY_FINAL, Signal.FIRST_TOKEN, Signal.REPLY_OVER])
def test_an_empty_input_has_no_output(signal: Signal) -> None:
    with pytest.raises(IllegalSignal):
        signals(signal)


HAS_REPLY = {State.SPECULATING, State.THINKING, State.REPLYING, State.OVERLAP}


def test_effects_fit_the_states() -> None:
    """A reply is started where none is and stopped where one is; without an effect it stays or ends. Only a
    greeting needs no effect to start."""
    for (state, signal), (following, effect) in TABLE.items():
        before, after = state in HAS_REPLY, following in HAS_REPLY
        expected = {
            Effect.START: (False, True),
            Effect.PREPARE: (False, True),
            Effect.CONFIRM: (True, True),
            Effect.STOP: (True, False),
            Effect.RESTART: (True, True),
        }
        if effect is not None:
            assert (before, after) == expected[effect], (state, signal)
        else:
            assert before == after or signal in (Signal.REPLY_OVER, Signal.GREETING), (state, signal)
