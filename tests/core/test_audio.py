import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.scenario import ramp
from voicegw.core.audio import (
    WINDOW_SAMPLES,
    ArrivalClock,
    AudioBuffer,
    AudioFormat,
    Framer,
    InputDecoder,
    PaceLimit,
    to_ms,
    to_samples,
)
from voicegw.errors import AudioTooFast, OddByteCount


def test_positions_are_whole_milliseconds_rounded_down() -> None:
    assert [to_ms(samples) for samples in (0, 15, 16, 31, 16_000)] == [0, 0, 1, 1, 1000]
    assert to_samples(20) == WINDOW_SAMPLES == 320


class TestInputDecoder:
    def test_pcm_at_16_khz_passes_unchanged(self) -> None:
        decoder = InputDecoder(AudioFormat.PCM, 16_000)
        assert decoder.decode(b"\x01\x00\xff\xff\x00\x80").tolist() == [1, -1, -32768]
        assert decoder.input_samples == 3

    def test_half_a_sample_is_refused_and_nothing_taken_in(self) -> None:
        decoder = InputDecoder(AudioFormat.PCM, 16_000)
        with pytest.raises(OddByteCount, match="3 bytes"):
            decoder.decode(b"\x01\x00\x02")
        assert decoder.input_samples == 0
        assert decoder.decode(b"\x05\x00").tolist() == [5]

    @pytest.mark.parametrize(
        ("audio_format", "byte", "level"),
        [(AudioFormat.MULAW, b"\x80", 32124), (AudioFormat.ALAW, b"\xaa", 32256)],
    )
    def test_g711_is_one_byte_a_sample(self, audio_format: AudioFormat, byte: bytes, level: int) -> None:
        decoder = InputDecoder(audio_format, 16_000)
        assert decoder.decode(byte * 3).tolist() == [level] * 3
        assert decoder.input_samples == 3

    @pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
    def test_other_rates_are_converted_and_counted_as_the_client_counts(self, rate: int) -> None:
        decoder = InputDecoder(AudioFormat.PCM, rate)
        assert len(decoder.decode(bytes(2 * rate))) == 16_000
        assert decoder.input_samples == rate


class TestFramer:
    def test_a_rest_of_half_a_sample_is_refused(self) -> None:
        with pytest.raises(ValueError, match="16-bit"):
            Framer(0, b"x")

    @given(st.lists(st.integers(0, 1000), max_size=8))
    def test_windows_are_the_stream_whatever_the_pieces(self, sizes: list[int]) -> None:
        framer, stream = Framer(), ramp(sum(sizes))
        pieces = np.split(stream, np.cumsum(sizes)[:-1]) if sizes else []
        windows = [window for piece in pieces for window in framer.push(piece)]
        assert framer.position == len(stream)
        windows += framer.flush()
        assert all(len(window) == WINDOW_SAMPLES for window in windows)
        joined = np.concatenate([*windows, ramp(0)])
        assert joined[: len(stream)].tolist() == stream.tolist()
        assert not joined[len(stream) :].any()
        assert len(joined) - len(stream) < WINDOW_SAMPLES

    def test_flush_gives_the_rest_once(self) -> None:
        framer = Framer()
        assert not list(framer.push(ramp(5)))
        assert [window.tolist() for window in framer.flush()] == [[0, 1, 2, 3, 4] + [0] * 315]
        assert not list(framer.flush())


class TestAudioBuffer:
    def test_is_addressed_by_session_samples(self) -> None:
        buffer = AudioBuffer()
        buffer.append(ramp(100))
        buffer.append(ramp(100, 100))
        assert buffer.end == 200
        assert buffer.read(90, 110) == ramp(20, 90).tobytes()

    def test_forgets_without_moving_the_clock(self) -> None:
        buffer = AudioBuffer()
        buffer.append(ramp(100))
        buffer.drop_before(40)
        assert (buffer.start, buffer.end) == (40, 100)
        assert buffer.read(30, 50) == ramp(10, 40).tobytes()
        assert buffer.read(0, 20) == b""

    @pytest.mark.parametrize(("before", "start"), [(-5, 0), (0, 0), (100, 100), (999, 100)])
    def test_forgets_at_most_what_it_holds(self, before: int, start: int) -> None:
        buffer = AudioBuffer()
        buffer.append(ramp(100))
        buffer.drop_before(before)
        assert (buffer.start, buffer.end) == (start, 100)


class TestArrivalClock:
    def test_a_sample_arrived_with_its_message(self) -> None:
        clock = ArrivalClock()
        clock.mark(320, 1.0)
        clock.mark(640, 2.0)
        assert [clock.arrival_time(position) for position in (1, 320, 321, 640)] == [1.0, 1.0, 2.0, 2.0]

    def test_a_sample_that_has_not_arrived_has_no_time(self) -> None:
        clock = ArrivalClock()
        assert clock.arrival_time(1) is None
        clock.mark(320, 1.0)
        assert clock.arrival_time(321) is None

    def test_the_record_is_bounded(self) -> None:
        clock = ArrivalClock()
        for message in range(2 * clock.KEPT):
            clock.mark(320 * (message + 1), float(message))
        assert clock.arrival_time(320) == float(clock.KEPT)
        assert clock.arrival_time(320 * (clock.KEPT + 2)) == clock.KEPT + 1.0


class TestPaceLimit:
    def test_real_time_never_fills_the_bucket(self) -> None:
        pace = PaceLimit(burst_ms=100)
        for message in range(500):
            pace.admit(20, now=message * 0.02)

    def test_a_burst_may_fill_it_and_no_more(self) -> None:
        pace = PaceLimit(burst_ms=100)
        pace.admit(60, now=5.0)
        pace.admit(40, now=5.0)
        with pytest.raises(AudioTooFast, match="100 ms ahead"):
            pace.admit(0.1, now=5.0)

    def test_delayed_audio_may_arrive_at_once_and_no_more(self) -> None:
        pace = PaceLimit(burst_ms=100)
        pace.admit(20, now=0.0)
        pace.admit(980, now=1.0)
        pace.admit(100, now=1.0)
        with pytest.raises(AudioTooFast):
            pace.admit(25, now=1.0)

    def test_the_oldest_record_is_used_for_older_samples(self) -> None:
        pace = PaceLimit(burst_ms=100)
        pace.begin(now=0.0)
        pace.admit(6_000, now=5.95)
        with pytest.raises(AudioTooFast):
            pace.admit(60, now=5.95)

    def test_a_burst_is_allowed_once(self) -> None:
        pace = PaceLimit(burst_ms=100)
        pace.admit(100, now=0.0)
        with pytest.raises(AudioTooFast):
            pace.admit(100, now=0.05)

    def test_audio_that_is_ahead_is_forgiven_slowly(self) -> None:
        pace = PaceLimit(burst_ms=1_000)
        for message in range(6_000):
            pace.admit(100, now=message * 0.1)
            if message % 60 == 0:  # every 6 s, the beginning of a turn is sent again
                pace.admit(500, now=message * 0.1)

    def test_audio_twice_as_fast_as_real_time_is_not(self) -> None:
        pace = PaceLimit(burst_ms=1_010)
        for message in range(21):
            pace.admit(100, now=message * 0.05)
        with pytest.raises(AudioTooFast):
            pace.admit(100, now=21 * 0.05)

    def test_audio_received_by_another_process_counts(self) -> None:
        there, here = PaceLimit(burst_ms=100), PaceLimit(burst_ms=100)
        there.admit(100, now=5.0)
        here.restore(there.ahead_ms(5.02), now=1_000.0)  # 78
        here.admit(21, now=1_000.0)
        with pytest.raises(AudioTooFast):
            here.admit(2, now=1_000.0)

    def test_credit_moves_to_another_process(self) -> None:
        pace = PaceLimit(burst_ms=100)
        pace.restore(-2_000, now=0.0)
        pace.admit(2_100, now=0.0)
        with pytest.raises(AudioTooFast):
            pace.admit(1, now=0.0)

    def test_a_long_absence_gives_no_more_credit_than_a_long_silence(self) -> None:
        pace = PaceLimit(burst_ms=100)
        pace.restore(-1e12, now=0.0)
        pace.admit(150_100, now=0.0)
        with pytest.raises(AudioTooFast):
            pace.admit(1, now=0.0)

    def test_a_day_of_silence_does_not_allow_a_day_of_audio_at_once(self) -> None:
        pace = PaceLimit(burst_ms=100)
        pace.begin(now=0.0)
        pace.admit(150_100, now=86_400.0)
        with pytest.raises(AudioTooFast):
            pace.admit(1, now=86_400.0)
