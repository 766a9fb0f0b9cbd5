import re
from http import HTTPStatus

import pytest

from tests.error_table import INTERNAL, rows, tree
from voicegw import errors
from voicegw.errors import VoicegwError

EVERY = list(tree())
LEAVES = [error for error in EVERY if not error.__subclasses__()]


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    branches = re.findall(r"\+-- (\w+(?:  ?\w+)*)", errors.__doc__ or "")
    assert " ".join(branches).split() == [error.__name__ for error in EVERY]


@pytest.mark.parametrize("error", LEAVES)
def test_states_a_code_of_its_own(error: type[VoicegwError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+|draining", error.code)
    assert [other for other in EVERY if other.code == error.code] == [error]


@pytest.mark.parametrize("error", EVERY)
def test_close_codes_and_statuses_exist(error: type[VoicegwError]) -> None:
    assert error.close_code in {None, 1008, 1009, 1011, 1012, 1013, 4001}
    if error.http_status is not None:
        assert HTTPStatus(error.http_status) // 100 == (5 if issubclass(error, errors.ServerError) else 4)


def test_a_clients_mistake_is_not_worth_repeating_and_trouble_that_passes_is() -> None:
    passing = (errors.ServerError, errors.LimitError)
    assert not any(error.retryable for error in EVERY if issubclass(error, errors.InputError))
    assert all(error.retryable for error in EVERY if issubclass(error, passing))


def test_an_error_may_know_from_when_on_to_try_again() -> None:
    assert errors.RateLimited("too much", retry_after_ms=300).retry_after_ms == 300
    assert errors.RateLimited().retry_after_ms is None


def test_a_failed_reply_never_ends_the_session() -> None:
    assert all(error.close_code is None for error in EVERY if issubclass(error, errors.ReplyError))


def test_the_message_is_what_was_raised_or_the_meaning_of_the_class() -> None:
    assert errors.AudioTooFast("9 s ahead").message == "9 s ahead"
    meaning = "Audio sent faster than real time, beyond the burst that `ready` states as `max_burst_ms`."
    assert errors.AudioTooFast().message == meaning


def test_the_table_has_a_row_for_every_code_a_client_can_meet() -> None:
    codes = [error.code for error in LEAVES if not issubclass(error, INTERNAL)]
    head, rule, *table = rows()
    assert [re.findall(r"`(\w+)`", row)[0] for row in table] == codes
    assert {row.count("|") for row in (head, rule, *table)} == {6}
    meaning = "A message over 64 KiB; at `/v1/realtime` over 256 KiB, and audio at `/vosk` over 1 MiB."
    assert f"| `message_too_big` | {meaning} |  | 1009 | no |" in table
