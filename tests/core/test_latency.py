from voicegw.core.latency import TurnLatency, TurnTiming


def test_steps_count_in_ms_from_the_end_of_speech() -> None:
    timing = TurnTiming(
        3, zero=10.0, endpoint=10.5, final=10.75, first_token=11.0, queue_ms=4.0, decode_ms=80.0
    )
    assert timing.report(done=12.0) == TurnLatency(
        turn=3,
        endpoint_ms=500.0,
        queue_ms=4.0,
        decode_ms=80.0,
        final_ms=750.0,
        first_token_ms=1000.0,
        done_ms=2000.0,
    )


def test_a_step_that_did_not_happen_is_none() -> None:
    assert TurnTiming(1, zero=10.0).report(done=None) == TurnLatency(1)


def test_a_step_that_took_no_time_is_zero() -> None:
    assert TurnTiming(1, zero=0.0, endpoint=0.0).report(done=0.0).endpoint_ms == 0.0
