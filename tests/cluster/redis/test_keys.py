from redis.crc import key_slot

from voicegw.cluster.redis.keys import Keys

KEYS = Keys("house")


def slot(name: str) -> int:
    return int(key_slot(name.encode()))


def test_all_work_is_in_one_place_of_a_cluster() -> None:
    work = (KEYS.finals, KEYS.partials, KEYS.dead_jobs, KEYS.workers, KEYS.gateways, KEYS.results("g"))
    assert len(set(work)) == len(work)
    assert len(set(map(slot, work))) == 1


def test_a_background_call_and_its_progress_are_in_one_place() -> None:
    assert slot(KEYS.background_calls) == slot(KEYS.call_progress("e"))


def test_a_session_is_in_one_place_and_sessions_spread() -> None:
    assert slot(KEYS.session("a", "audio")) == slot(KEYS.session("a", "events"))
    assert slot(KEYS.session("a", "audio")) != slot(KEYS.session("b", "audio"))


def test_installations_do_not_meet() -> None:
    other = Keys("hut")
    assert {KEYS.finals, KEYS.token("t"), KEYS.limits, KEYS.session("s", "p")}.isdisjoint(
        {other.finals, other.token("t"), other.limits, other.session("s", "p")}
    )
