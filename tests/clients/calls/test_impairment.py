from itertools import pairwise

from clients.calls.impairment import Impairment

DUE = [number * 0.02 for number in range(5_000)]


def test_by_default_every_packet_arrives_when_it_is_due() -> None:
    impairment = Impairment()
    assert [impairment.arrival(due) for due in DUE] == DUE


def test_the_share_of_lost_packets_is_as_asked() -> None:
    impairment = Impairment(loss=0.1)
    lost = [impairment.arrival(due) is None for due in DUE]
    assert 0.08 < sum(lost) / len(lost) < 0.12


def test_jitter_delays_packets_and_keeps_their_order_where_the_carrier_does() -> None:
    for in_order in (True, False):
        impairment = Impairment(jitter_ms=100, in_order=in_order)
        arrivals = [impairment.arrival(due) or 0.0 for due in DUE]
        assert all(0 <= at - due < 0.11 for at, due in zip(arrivals, DUE, strict=True))
        assert all(one < later for one, later in pairwise(arrivals)) is in_order
