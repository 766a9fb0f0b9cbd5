from collections import deque
from random import Random

import pytest

from voicegw.core.playback import FRAME_MS, Playback, Playout
from voicegw.core.sentences import Sentence

RATE = 8_000
LEAD_MS = 400
FIRST = "One two three four. "
SECOND = "Five six seven eight."


def audio(milliseconds: int) -> bytes:
    return bytes(2 * RATE * milliseconds // 1000)


def playing(*sentences: tuple[str, int], complete: bool = True) -> Playback:
    """A reply of these sentences with so many ms of audio each."""
    playback, start = Playback(RATE, LEAD_MS), 0
    for text, milliseconds in sentences:
        playback.begin(Sentence(start, text))
        playback.append(audio(milliseconds))
        if complete:
            playback.complete()
        start += len(text)
    return playback


def release_ms(playback: Playback, now: float, *, last: bool = True) -> int:
    """How much audio may be sent now."""
    return sum(len(frame) for frame in playback.release(now, last=last)) // 2 * 1000 // RATE


def play(playback: Playback, seconds: float, begin: float = 0.0) -> None:
    """Time passes, a tick every 100 ms."""
    for tick in range(round(seconds * 10) + 1):
        playback.release(begin + tick / 10)


def test_the_lead_goes_out_at_once_in_messages_of_100_ms() -> None:
    frames = playing((FIRST, 1000)).release(5.0)
    assert [len(frame) for frame in frames] == [len(audio(FRAME_MS))] * 4


def test_no_more_than_the_lead_is_ever_out() -> None:
    playback = playing((FIRST, 3000))
    for tick in range(100):
        playback.release(tick / 37)
        assert playback.released - playback.position(tick / 37) <= RATE * LEAD_MS // 1000


def test_played_audio_makes_room() -> None:
    playback = playing((FIRST, 3000))
    assert [release_ms(playback, now) for now in (0.0, 0.05, 0.1, 0.3)] == [400, 0, 100, 200]


def test_until_the_end_of_a_reply_whole_frames_are_sent() -> None:
    playback = playing((FIRST, 55), complete=False)
    assert release_ms(playback, 0.0, last=False) == 40
    playback.complete()
    assert release_ms(playback, 0.0, last=False) == 0
    assert release_ms(playback, 0.0) == 15


@pytest.mark.parametrize(("frame_ms", "message_ms"), [(20, 100), (30, 90), (200, 200)])
def test_messages_are_whole_frames_of_the_far_end(frame_ms: int, message_ms: int) -> None:
    playback = Playback(RATE, LEAD_MS, Playout(frame_ms))
    playback.begin(Sentence(0, FIRST))
    playback.append(audio(10_000))
    sent = [message for tick in range(50) for message in playback.release(tick / 10, last=False)]
    assert all(len(message) % len(audio(frame_ms)) == 0 for message in sent)
    assert max(map(len, sent)) == len(audio(message_ms))
    assert not playback.over(1.0)


def test_audio_that_was_not_played_can_be_taken_back() -> None:
    playback = Playback(RATE, LEAD_MS)
    playback.begin(Sentence(0, FIRST))
    whole = bytes(range(256)) * 64  # 1024 ms
    playback.append(whole)
    playback.complete()
    before = b"".join(playback.release(0.0))
    assert playback.take_back(0.25)
    assert playback.position(5.0) == playback.released == RATE // 4
    assert not playback.take_back(5.0)
    play(playback, 2.0, begin=5.0)
    assert playback.released * 2 == len(whole)
    again = Playback(RATE, LEAD_MS)
    again.begin(Sentence(0, FIRST))
    again.append(whole)
    again.release(0.0)
    again.take_back(0.25)
    assert b"".join(again.release(1.0)) == whole[RATE // 2 :][: len(before)]


def test_all_that_was_played_stays_sent() -> None:
    playback = playing((FIRST, 300))
    playback.release(0.0)
    assert not playback.take_back(0.5)
    assert playback.over(0.5)


def test_the_clock_stands_when_there_is_nothing_to_play() -> None:
    playback = playing((FIRST, 200), complete=False)
    playback.release(0.0)
    assert playback.position(9.0) == playback.released
    playback.append(audio(1000))
    assert release_ms(playback, 9.0) == LEAD_MS
    assert playback.position(9.1) == RATE * 300 // 1000


def test_a_report_corrects_the_position() -> None:
    playback = playing((FIRST, 3000))
    playback.release(0.0)
    playback.receive_played(100, now=0.4)
    assert playback.position(0.4) == RATE // 10


def test_a_stalled_far_end_gets_no_more_than_the_lead() -> None:
    playback = playing((FIRST, 3000))
    playback.release(0.0)
    for now in (0.2, 0.4, 0.6, 5.0):
        playback.receive_played(100, now)
        assert playback.released <= (100 + 100 + LEAD_MS) * RATE // 1000  # its reports are late by 100 ms
        playback.release(now)
    assert release_ms(playback, 5.0) == 0


def test_a_very_late_first_report_is_not_used_as_the_delay() -> None:
    playback = playing((FIRST, 10_000))
    for step in range(40):
        playback.release(step / 10)
    before = playback.released
    playback.receive_played(100, now=4.0)
    assert release_ms(playback, 4.0) == 0
    playback.receive_played(before * 1000 // RATE, now=4.1)
    assert release_ms(playback, 4.1) >= LEAD_MS - FRAME_MS


def gaps_ms(one_way_s: float, said_ms: list[int], pause_s: float) -> int:
    """How long a far end at this distance, which reports every message that it has played, had nothing to
    play in the middle of a sentence. Its reports are up to 200 ms later than that, in their order. The voice
    makes a pause after each sentence."""
    rng = Random(1)
    playback, now, heard_until, sent, gaps = Playback(RATE, LEAD_MS), 0.0, 0.0, 0, 0.0
    reports: deque[tuple[float, int]] = deque()
    for length_ms in said_ms:
        playback.begin(Sentence(0, FIRST))
        playback.append(audio(length_ms))
        playback.complete()
        begun = False
        while playback.waiting:
            while reports and reports[0][0] <= now:
                playback.receive_played(reports.popleft()[1], now)
            for pcm in playback.release(now):
                late = now + one_way_s - heard_until
                gaps += max(0.0, late) if begun else 0.0
                heard_until += max(0.0, late) + len(pcm) / 2 / RATE
                sent += len(pcm) // 2
                arrives = max(heard_until + one_way_s + rng.uniform(0, 0.2), reports[-1][0] if reports else 0)
                reports.append((arrives, sent * 1000 // RATE))
                begun = True
            now += 0.01
        now += pause_s
    return round(gaps * 1000)


@pytest.mark.parametrize("one_way_s", [0.0, 0.05, 0.15, 0.2])
@pytest.mark.parametrize("pause_s", [0.0, 0.3, 2.0])
def test_a_far_end_never_runs_out_of_audio_whatever_its_delay(one_way_s: float, pause_s: float) -> None:
    assert gaps_ms(one_way_s, [3000, 3000], pause_s) == 0


def duration_s(lost_s: float, said_s: int, *, known: bool) -> float:
    """How long a reply takes of which so much is lost after 2 s. The far end reports 10 times a second how
    much it has played of what it has received. known: its connection stays, and the loss is reported;
    otherwise it has a new connection then."""
    playback, received, played = playing((FIRST, said_s * 1000)), 0, 0
    now, lost_until = 0.0, 2.0 + lost_s
    for tick in range(10 * said_s * 3):
        now = tick / 10
        lost = 2.0 < now < lost_until
        if now == lost_until and not known:
            playback.receive_unknown_loss(now)
        played = min(received, played + RATE // 10)
        if not lost:
            playback.receive_played(played * 1000 // RATE, now, received_only=True)
        sent = sum(len(frame) // 2 for frame in playback.release(now))
        if not lost:
            received += sent
        elif known:
            playback.count_lost(sent * 1000 / RATE)
        if playback.over(now):
            break
    return now


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("lost_s", [0.5, 1.0, 3.0])
def test_after_a_loss_the_rest_of_a_reply_is_played_at_its_speed(lost_s: float, known: bool) -> None:
    assert duration_s(lost_s, 20, known=known) == pytest.approx(20, abs=0.6)


def test_after_a_reconnect_a_whole_lead_follows_and_the_clock_says_what_was_heard() -> None:
    playback = playing((FIRST, 1000), (SECOND, 1000))
    play(playback, 0.6)
    playback.receive_unknown_loss(0.6)
    assert playback.position(0.6) == RATE
    assert release_ms(playback, 0.6) == LEAD_MS
    playback.receive_played(700, 0.8)
    assert playback.position(0.8) == RATE * 1200 // 1000
    assert (FIRST + SECOND)[: playback.heard(1.1)] == FIRST + "Five six"


def test_a_place_in_the_audio_is_reported_with_what_was_lost_before_it() -> None:
    playback = playing((FIRST, 3000))
    playback.release(0.0)
    playback.count_lost(100)
    playback.receive_played(200, 0.2)
    assert playback.position(0.2) == RATE * 200 // 1000
    playback.receive_played(200, 0.3, received_only=True)
    assert playback.position(0.3) == RATE * 300 // 1000


def test_more_than_was_sent_cannot_have_been_played() -> None:
    playback = playing((FIRST, 3000))
    playback.release(0.0)
    playback.receive_played(60_000, now=0.1)
    assert playback.position(0.1) == playback.released


def test_it_is_over_when_all_was_played() -> None:
    playback = playing((FIRST, 450))
    assert not playback.over(0.0)
    play(playback, 0.4)
    assert not playback.over(0.4)
    assert playback.over(0.46)


def test_unsent_audio_can_be_dropped() -> None:
    playback = playing((FIRST, 1000))
    playback.release(0.0)
    assert playback.drop() == RATE * 600 // 1000
    assert release_ms(playback, 9.0) == 0


def test_the_next_sentence_is_requested_when_only_the_previous_one_is_left() -> None:
    playback = playing((FIRST, 1000))
    assert playback.releasing_last
    playback.begin(Sentence(len(FIRST), SECOND))
    playback.append(audio(1000))
    assert not playback.releasing_last
    play(playback, 0.7)
    assert playback.releasing_last


@pytest.mark.parametrize(
    ("seconds", "heard"),
    [
        (0.0, ""),
        (0.1, ""),
        (0.5, "One two"),
        (0.9, "One two three"),
        (1.0, FIRST),
        (1.5, FIRST + "Five six"),
        (2.5, FIRST + SECOND),
    ],
)
def test_the_heard_text_ends_after_a_word(seconds: float, heard: str) -> None:
    playback = playing((FIRST, 1000), (SECOND, 1000))
    play(playback, seconds)
    assert (FIRST + SECOND)[: playback.heard(seconds)].rstrip() == heard.rstrip()


def test_numbers_take_their_time() -> None:
    playback = playing(("Call 555123456 now.", 1000))
    play(playback, 0.7)
    assert playback.heard(0.7) == len("Call")


def test_the_length_of_an_unfinished_sentence_is_guessed() -> None:
    playback = playing((FIRST, 200), complete=False)
    playback.release(0.0)
    assert playback.heard(5.0) == 0
    playback.append(audio(300))
    play(playback, 1.0, begin=5.0)
    assert playback.heard(6.0) == len("One two")


def test_silent_text_is_passed_with_what_was_heard_before_it() -> None:
    playback = playing((FIRST, 100), ("```\n", 0), (SECOND, 100))
    play(playback, 0.15)
    assert playback.heard(0.15) >= len(FIRST + "```\n")


def test_an_unfinished_sentence_longer_than_estimated_may_be_heard_to_its_last_word() -> None:
    playback = Playback(RATE, 10_000)
    playback.begin(Sentence(0, "Good day."))
    playback.append(bytes(2 * 5 * RATE))
    playback.release(100.0)
    assert playback.heard(105.0) == len("Good day.")
