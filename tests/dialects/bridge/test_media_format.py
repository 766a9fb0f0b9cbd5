from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicegw.core.audio import AudioFormat
from voicegw.core.commands import ReplyMode
from voicegw.core.playback import Playout
from voicegw.core.profile import SessionProfile
from voicegw.dialects.bridge.media_format import RATES, MediaFormat, Mix, Replies, of_query
from voicegw.errors import InputError, InvalidParameter, UnsupportedFormat, UnsupportedRate


def test_the_url_states_the_format() -> None:
    stated = of_query("rate=16000&mix=stereo&side=right&replies=json&clears=no&lang=de&uuid=1")
    assert stated == MediaFormat(16_000, Mix.STEREO, 1, Replies.JSON, False, "de")
    assert stated.channels == 2


def test_a_url_may_state_nothing() -> None:
    assert of_query("") == MediaFormat()
    assert MediaFormat().channels == 1


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("form", ["{}", "{}k"])
def test_a_rate_is_in_hz_or_khz(rate: int, form: str) -> None:
    stated = form.format(rate // 1000 if "k" in form else rate)
    assert of_query(f"rate={stated}").rate == rate
    assert MediaFormat().stated(stated, None, None).rate == rate
    assert MediaFormat().stated(rate, None, None).rate == rate


def test_the_first_message_goes_before_the_url() -> None:
    stated = of_query("rate=8000&mix=stereo&lang=de").stated("16k", "mixed", "en")
    assert (stated.rate, stated.mix, stated.language) == (16_000, Mix.MIXED, "en")
    assert of_query("rate=8000&mix=stereo").stated(None, "", None) == of_query("rate=8000&mix=stereo")


def test_a_session_speaks_at_the_rate_of_the_call() -> None:
    playout = Playout(drops=True)
    profile = of_query("rate=32000&lang=de").profile(playout)
    assert profile == SessionProfile(32_000, AudioFormat.PCM, ReplyMode.AUDIO, "de", playout=playout)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("rate=11025", UnsupportedRate),
        ("rate=8kk", UnsupportedRate),
        ("rate=-8000", UnsupportedRate),
        ("rate=%D9%A8k", UnsupportedRate),
        (f"rate={'0' * 5000}8000", UnsupportedRate),
        ("mix=both", UnsupportedFormat),
        ("side=top", InvalidParameter),
        ("replies=mp3", InvalidParameter),
        ("clears=maybe", InvalidParameter),
        ("lang=?", InvalidParameter),
    ],
)
def test_a_value_that_is_not_supported_is_named(query: str, error: type[InputError]) -> None:
    with pytest.raises(error) as raised:
        of_query(query)
    assert len(raised.value.message) < 300


def test_without_a_rate_the_message_says_how_to_state_it() -> None:
    with pytest.raises(UnsupportedRate, match="rate=8000"):
        MediaFormat().profile(Playout())


@given(st.text(max_size=40), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_other_value_is_an_error_of_the_client(query: str, value: object) -> None:
    with suppress(InputError):
        assert of_query(query).rate in (None, *RATES)
    with suppress(InputError):
        assert MediaFormat().stated(value, value, value).rate in (None, *RATES)
