from voicegw.cluster.replies import Entry, claimed, delivered, text


def test_entries_that_were_delivered() -> None:
    reply = [
        [b"finals", [[b"1-0", [b"job", b"x"]], [b"1-1", [b"job", b"y"]]]],
        [b"partials", [[b"1-0", [b"job", b""]]]],
    ]
    assert delivered(reply, "job") == [
        Entry("finals", "1-0", b"x"),
        Entry("finals", "1-1", b"y"),
        Entry("partials", "1-0", b""),
    ]


def test_an_entry_of_another_make_costs_nothing_but_itself() -> None:
    reply = [[b"finals", [[b"1-0", [b"odd", b"x"]], [b"1-1", [b"job", b"y"]]]]]
    assert delivered(reply, "job") == [Entry("finals", "1-0", b""), Entry("finals", "1-1", b"y")]


def test_entries_as_redis_py_gives_them() -> None:
    assert delivered([(b"news", [(b"1-0", {b"news": b"x"})])], "news") == [Entry("news", "1-0", b"x")]


def test_nothing_in_time() -> None:
    assert delivered(None, "job") == delivered([], "job") == []


def test_entries_of_two_streams_may_share_an_id() -> None:
    assert Entry("finals", "1-0", b"").place != Entry("partials", "1-0", b"").place


def test_entries_that_were_claimed_say_how_often_they_were_delivered() -> None:
    assert claimed("finals", [[b"1-0", b"x", 3]]) == [Entry("finals", "1-0", b"x", deliveries=3)]
    assert text(b"1-0") == "1-0"
