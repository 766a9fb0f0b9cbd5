"""The spoken side of replies, with a voice that is played by the test."""

import time

import pytest

from voicegw.core.actions import Action, PauseSpeaking, Play, Speak, StopSpeaking
from voicegw.core.audio import AudioFormat
from voicegw.core.playback import Playout
from voicegw.core.speech_output import MAX_HOLD_S, PlaybackResult, SpeechOptions, SpeechOutput

RATE = 8_000
ONE, TWO, THREE = "One two three. ", "Four five six. ", "Seven eight nine."


class Speaker:
    """now: the current time. actions: those of the spoken reply."""

    def __init__(self, audio_format: AudioFormat = AudioFormat.PCM, playout: Playout | None = None) -> None:
        self.actions: list[Action] = []
        self.speech = SpeechOutput(SpeechOptions(), audio_format, RATE, self.actions.append, playout)
        self.now = 100.0
        self.speech.begin(turn=1)

    def write(self, *pieces: str, ended: bool = True) -> None:
        for piece in pieces:
            self.speech.receive_text(piece, self.now)
        if ended:
            self.speech.receive_text_end(self.now)

    def say(self, number: int, milliseconds: int) -> None:
        """The voice says a sentence."""
        self.speech.receive_audio(1, number, bytes(2 * RATE * milliseconds // 1000), self.now)
        self.speech.receive_audio_end(1, number, self.now)

    def wait(self, milliseconds: int) -> None:
        for _ in range(milliseconds // 20):
            self.now += 0.02
            self.speech.receive_tick(self.now)

    @property
    def requested(self) -> list[tuple[int, str]]:
        return [(action.number, action.text) for action in self.actions if isinstance(action, Speak)]

    @property
    def played_ms(self) -> int:
        played = b"".join(action.audio for action in self.actions if isinstance(action, Play))
        return len(played) // 2 * 1000 // RATE


def test_a_sentence_is_requested_as_soon_as_it_is_complete() -> None:
    speaker = Speaker()
    speaker.write(ONE, ended=False)
    assert speaker.requested == []
    speaker.write(TWO, ended=False)
    assert speaker.actions == [Speak(1, 1, ONE, RATE)]


def test_one_sentence_is_requested_ahead_and_no_more() -> None:
    speaker = Speaker()
    speaker.write(ONE, TWO, THREE)
    assert speaker.requested == [(1, ONE)]
    speaker.say(1, 1000)
    assert speaker.requested == [(1, ONE), (2, TWO)]
    speaker.say(2, 1000)
    assert len(speaker.requested) == 2
    speaker.wait(700)
    assert speaker.requested[2:] == [(3, THREE)]


def test_audio_is_paced_and_the_reply_over_when_it_has_been_played() -> None:
    speaker = Speaker()
    speaker.write(ONE)
    speaker.say(1, 1000)
    assert speaker.played_ms == 400
    speaker.wait(980)
    assert speaker.played_ms == 1000
    assert not speaker.speech.over(speaker.now)
    speaker.wait(40)
    assert speaker.speech.over(speaker.now)
    assert speaker.speech.stop(speaker.now) == PlaybackResult(ONE, first_audio=100.0)
    assert not any(isinstance(action, StopSpeaking) for action in speaker.actions)


def test_a_reply_that_is_still_being_written_is_not_over() -> None:
    speaker = Speaker()
    speaker.write(ONE, TWO, ended=False)
    speaker.say(1, 100)
    speaker.wait(1000)
    assert not speaker.speech.over(speaker.now)


def test_stop_returns_the_heard_text_and_drops_the_rest() -> None:
    speaker = Speaker()
    speaker.write(ONE, TWO)
    speaker.say(1, 1000)
    speaker.say(2, 1000)
    speaker.wait(1700)
    assert speaker.speech.stop(speaker.now) == PlaybackResult("One two three. Four five", first_audio=100.0)
    assert speaker.actions[-1] == StopSpeaking(dropped_ms=0)
    assert speaker.speech.stop(speaker.now) is None


def test_undelivered_audio_is_dropped_at_a_stop() -> None:
    speaker = Speaker()
    speaker.write(ONE, TWO)
    speaker.say(1, 1000)
    speaker.say(2, 1000)
    assert speaker.speech.stop(speaker.now) == PlaybackResult("", first_audio=100.0)
    assert speaker.actions[-1] == StopSpeaking(dropped_ms=1600)


def test_audio_of_a_stopped_reply_is_ignored() -> None:
    speaker = Speaker()
    speaker.write(ONE, TWO)
    speaker.speech.stop(speaker.now)
    before = len(speaker.actions)
    speaker.say(1, 1000)
    speaker.speech.begin(turn=2)
    speaker.say(1, 1000)
    assert len(speaker.actions) == before


def test_nothing_is_sent_while_the_reply_is_held() -> None:
    speaker = Speaker()
    speaker.write(ONE)
    speaker.say(1, 2000)
    speaker.speech.hold(True, speaker.now)
    speaker.wait(1000)
    assert speaker.played_ms == 400
    speaker.speech.hold(False, speaker.now)
    assert speaker.played_ms == 800


def test_a_reply_is_not_held_for_long() -> None:
    speaker = Speaker(playout=Playout(drops=True))
    speaker.write(ONE)
    speaker.say(1, 1000)
    speaker.speech.hold(True, speaker.now)
    speaker.wait(round(MAX_HOLD_S * 1000) + 1_100)
    assert speaker.speech.over(speaker.now)
    speaker.speech.hold(False, speaker.now)
    assert speaker.actions.count(PauseSpeaking()) == 1


def test_a_client_that_drops_audio_pauses_at_once_and_gets_it_again() -> None:
    speaker = Speaker(playout=Playout(drops=True))
    speaker.write(ONE)
    speaker.say(1, 1000)
    speaker.wait(200)
    speaker.speech.hold(True, speaker.now)
    speaker.speech.hold(True, speaker.now)
    assert speaker.actions.count(PauseSpeaking()) == 1
    speaker.wait(1500)
    assert not speaker.speech.over(speaker.now)
    before = speaker.played_ms
    speaker.speech.hold(False, speaker.now)
    speaker.wait(900)
    played = [action for action in speaker.actions if isinstance(action, Play)]
    assert played[-1].end_ms == 1000
    assert speaker.played_ms - before == 800
    assert speaker.speech.over(speaker.now)


def test_a_pause_before_the_first_audio_drops_nothing() -> None:
    speaker = Speaker(playout=Playout(drops=True))
    speaker.write(ONE)
    speaker.speech.hold(True, speaker.now)
    assert PauseSpeaking() not in speaker.actions


def test_a_frame_may_hold_the_end_of_one_sentence_and_the_start_of_the_next() -> None:
    speaker = Speaker()
    speaker.write(ONE, TWO)
    speaker.say(1, 110)
    assert speaker.played_ms == 100
    speaker.say(2, 110)
    speaker.wait(400)
    lengths = [round(action.audio_ms) for action in speaker.actions if isinstance(action, Play)]
    assert lengths == [100, 100, 20]


def test_reports_of_the_client_set_the_pace_but_not_those_of_another_turn() -> None:
    speaker = Speaker()
    speaker.write(ONE)
    speaker.say(1, 2000)
    speaker.speech.receive_played(7, 400, speaker.now)
    assert speaker.played_ms == 400
    speaker.speech.receive_played(1, 200, speaker.now)
    assert speaker.played_ms == 600
    speaker.speech.receive_played(None, 400, speaker.now)
    assert speaker.played_ms == 800


def test_positions_of_audio_do_not_change_where_audio_was_lost() -> None:
    speaker = Speaker()
    speaker.write(ONE)
    speaker.say(1, 2000)
    speaker.speech.count_lost(150.0)
    speaker.wait(100)
    ends = [round(action.end_ms) for action in speaker.actions if isinstance(action, Play)]
    assert ends == [100, 200, 300, 400, 500]


def test_text_before_a_break_is_spoken_at_once() -> None:
    speaker = Speaker()
    speaker.write("Let me see.", ended=False)
    speaker.speech.receive_text_end(speaker.now, in_break=True)
    assert speaker.requested == [(1, "Let me see.")]
    speaker.say(1, 100)
    speaker.write(" It is noon.")
    assert speaker.requested[1:] == [(2, " It is noon.")]


def test_all_of_the_text_before_a_break_is_played_during_it() -> None:
    speaker = Speaker(playout=Playout(frame_ms=200))
    speaker.write("Let me see.", ended=False)
    speaker.speech.receive_text_end(speaker.now, in_break=True)
    speaker.say(1, 390)
    assert speaker.played_ms == 390
    speaker.write(" It is", " noon. And", ended=False)
    speaker.say(2, 310)
    speaker.wait(1000)
    assert speaker.played_ms == 590


def test_code_is_not_spoken() -> None:
    speaker = Speaker()
    speaker.write(ONE, "\n```\nx = 1\n```\n", THREE)
    speaker.say(1, 100)
    assert speaker.requested == [(1, ONE + "\n"), (2, THREE)]
    speaker.say(2, 100)
    speaker.wait(300)
    assert speaker.speech.over(speaker.now)


@pytest.mark.parametrize("text", ["", " ", "```\nx\n```"])
def test_a_reply_without_text_to_speak_ends_at_once(text: str) -> None:
    speaker = Speaker()
    speaker.write(text)
    assert speaker.speech.over(speaker.now)
    assert speaker.speech.stop(speaker.now) == PlaybackResult(text, first_audio=None)


@pytest.mark.parametrize("audio_format", [AudioFormat.MULAW, AudioFormat.ALAW])
def test_audio_goes_out_in_the_client_s_format(audio_format: AudioFormat) -> None:
    speaker = Speaker(audio_format)
    speaker.write(ONE)
    speaker.say(1, 100)
    [play] = [action for action in speaker.actions if isinstance(action, Play)]
    assert len(play.audio) == RATE // 10


def test_without_a_reply_nothing_happens() -> None:
    told: list[Action] = []
    speech = SpeechOutput(SpeechOptions(), AudioFormat.PCM, RATE, told.append)
    speech.receive_text("x", 1.0)
    speech.receive_text_end(1.0)
    speech.receive_played(None, 100, 1.0)
    speech.count_lost(100.0)
    speech.receive_unknown_loss(1.0)
    speech.receive_tick(1.0)
    assert speech.over(1.0)
    assert speech.pending is None
    assert told == []


def test_very_long_code_is_skipped_quickly() -> None:
    speaker = Speaker()
    begun = time.thread_time()
    speaker.write("```\n" + "x\n" * 20_000 + "```\n", "So.")
    assert time.thread_time() - begun < 2  # minutes, if each line examined all lines before
    assert speaker.requested == [(1, "So.")]
