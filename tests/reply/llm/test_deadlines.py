"""The deadline of the next event of a reply, at every point of it."""

from voicegw.reply.llm.deadlines import ReplyDeadlines


def deadlines() -> ReplyDeadlines:
    return ReplyDeadlines(start_s=100.0, first_token_ms=2_000, next_token_ms=500, total_ms=5_000)


def test_before_the_first_token_its_limit_applies() -> None:
    current = deadlines().current
    assert (current.at_s, current.message) == (102.0, "no first token within 2000 ms")


def test_after_a_token_the_limit_between_two_tokens_applies() -> None:
    reply = deadlines()
    reply.receive_token(101.0)
    assert (reply.current.at_s, reply.current.message) == (101.5, "no next token within 500 ms")
    reply.receive_token(101.25)
    assert reply.current.at_s == 101.75


def test_no_deadline_is_later_than_the_end_of_the_reply() -> None:
    reply = deadlines()
    reply.receive_token(104.9)
    assert (reply.current.at_s, reply.current.message) == (105.0, "no end of the reply within 5000 ms")


def test_the_total_limit_may_be_shorter_than_that_of_the_first_token() -> None:
    reply = ReplyDeadlines(start_s=0.0, first_token_ms=2_000, next_token_ms=500, total_ms=50)
    assert reply.current.message == "no end of the reply within 50 ms"
