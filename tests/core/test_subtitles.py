"""Words become segments and subtitles."""

from hypothesis import given
from hypothesis import strategies as st

from voicegw.core.audio import to_samples
from voicegw.core.jobs import Word
from voicegw.core.subtitles import segments, srt, vtt


def words(text: str, start_ms: int = 0, each_ms: int = 300) -> list[Word]:
    return [
        Word(word, to_samples(start_ms + n * each_ms), to_samples(start_ms + (n + 1) * each_ms), 0.9)
        for n, word in enumerate(text.split())
    ]


def texts(heard: list[Word]) -> list[str]:
    return [each.text for each in segments(heard)]


def test_a_sentence_is_a_segment() -> None:
    assert texts(words("Good morning. How are you? Fine")) == ["Good morning.", "How are you?", "Fine"]


def test_a_stop_of_an_abbreviation_ends_none() -> None:
    assert texts(words("Ask Mr. Dashwood on Nov. 5. Then go.")) == ["Ask Mr. Dashwood on Nov. 5.", "Then go."]


def test_a_pause_ends_a_segment() -> None:
    assert texts([*words("one two"), *words("three", start_ms=2_000)]) == ["one two", "three"]


def test_a_segment_is_read_at_a_glance() -> None:
    parts = list(segments(words("word " * 100)))
    assert all(len(part.text) <= 84 for part in parts)
    assert all(part.end_ms - part.start_ms <= 7_000 for part in parts)


@given(st.lists(st.text("ab.,?", min_size=1, max_size=12), max_size=80))
def test_no_word_is_lost(spoken: list[str]) -> None:
    heard = words(" ".join(spoken))
    assert [word for part in segments(heard) for word in part.words] == heard


def test_srt() -> None:
    heard = [*words("Good morning."), *words("Bye.", start_ms=3_661_001)]
    assert srt(segments(heard)) == (
        "1\n00:00:00,000 --> 00:00:00,600\nGood morning.\n\n2\n01:01:01,001 --> 01:01:01,301\nBye.\n"
    )


def test_vtt_escapes_what_its_syntax_uses() -> None:
    assert vtt(segments(words("a<b> & c"))) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.900\na&lt;b&gt; &amp; c\n"
    )


def test_nothing_was_said() -> None:
    assert (srt(segments([])), vtt(segments([]))) == ("", "WEBVTT\n")
