from benchmarks.tracks import TAIL_MS, Track, cut, parts_of, sessions, track
from clients.samples import SpokenWord, Utterance
from voicegw.core.audio import to_samples


def utterance(start_ms: int, end_ms: int, *words: SpokenWord) -> Utterance:
    return Utterance("", start_ms, end_ms, words)


def test_audio_is_cut_in_the_middle_of_each_pause() -> None:
    pcm = bytes(2 * to_samples(5000))
    first, second = cut(pcm, [utterance(500, 1000), utterance(2000, 3000, SpokenWord("a", 2000, 2400))])
    assert (first.duration_ms, second.duration_ms) == (1500, 3500)
    assert second.utterances == (utterance(500, 1500, SpokenWord("a", 500, 900)),)


def test_a_track_starts_anywhere_and_repeats() -> None:
    parts = [Track(bytes(2 * to_samples(ms)), (utterance(0, ms),)) for ms in (1000, 2000)]
    whole = track(parts, begin=0.5, seconds=2.5)
    assert whole.utterances == (utterance(0, 2000), utterance(2000, 3000))
    assert whole.duration_ms == 3000 + TAIL_MS


def test_the_sessions_are_in_parts_with_their_words() -> None:
    parts = parts_of(sessions())
    assert len(parts) > 10
    assert all(part.utterances[0].words for part in parts)


def test_sessions_are_chosen_by_their_condition() -> None:
    assert {one.condition for one in sessions("phone")} == {"phone"}
