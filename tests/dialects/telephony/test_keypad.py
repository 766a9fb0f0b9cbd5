import pytest

from voicegw.dialects.telephony.keypad import MAX_DIGITS, PAUSE_MS, Keypad, checked_key
from voicegw.errors import MalformedMessage


def test_the_enter_key_completes_a_message() -> None:
    keypad = Keypad()
    assert [keypad.press(key) for key in "12#"] == [None, None, "12"]
    assert keypad.press("#") == "#"


def test_a_pause_completes_a_message() -> None:
    keypad = Keypad()
    assert keypad.wait(10 * PAUSE_MS) is None
    keypad.press("1")
    assert keypad.wait(PAUSE_MS - 1) is None
    keypad.press("2")
    assert [keypad.wait(PAUSE_MS - 1), keypad.wait(1)] == [None, "12"]


def test_a_message_has_a_limited_length() -> None:
    keypad = Keypad()
    assert [keypad.press("1") for _ in range(MAX_DIGITS)][-1] == "1" * MAX_DIGITS


@pytest.mark.parametrize("key", "0123456789ABCDabcd*#")
def test_every_key_of_a_telephone_is_known(key: str) -> None:
    assert checked_key(key) == key


@pytest.mark.parametrize("value", ["", "10", "E", "\N{ARABIC-INDIC DIGIT ONE}", None, 5, ["1"], {}])
def test_anything_else_is_no_key(value: object) -> None:
    with pytest.raises(MalformedMessage):
        checked_key(value)
