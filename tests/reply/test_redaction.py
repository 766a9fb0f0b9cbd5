"""What an endpoint says goes into the log without what is not for it."""

import json

import pytest

from voicegw.reply.redaction import redacted, start_of

SAID = "Where is the secret kept? Grüße aus Köln."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max_tokens is not supported", "max_tokens is not supported"),
        (f"cannot read: {SAID}", "cannot read: [...]"),
        (json.dumps({"echo": SAID}), '{"echo": " [...]"}'),
        (repr([{"content": SAID}]), "[{'content': ' [...]'}]"),
        ("cannot read: is the secret kept? Grü", "cannot read: [...]"),
        ("cannot read: WHERE IS it", "cannot read: WHERE IS it"),
        ("key sk-4f9a***b is wrong", "key [...] is wrong"),
        ("Bearer abc is wrong", "[...] is wrong"),
        ("request 01HZX9QK3V5M8T2W7R4Y6B failed", "request [...] failed"),
        ("at https://me:pw@host/v1", "at https:// [...]host/v1"),
        ("<html><style>p {}</style><h1>502 Bad\nGateway</h1>", "502 Bad Gateway"),
        ("two\\nlines\x00", "two lines"),
    ],
)
def test_what_is_left(text: str, expected: str) -> None:
    assert redacted(text, [SAID, ""]) == expected


def test_a_short_message_is_hidden_as_a_whole_word() -> None:
    assert redacted("no: not supported", ["no"]) == "[...]: not supported"


def test_a_message_in_another_script_is_hidden() -> None:
    assert redacted("cannot read 東京の天気は", ["東京の天気はどうですか"]) == "cannot read [...]"


def test_a_line_of_the_log_stays_short() -> None:
    assert len(start_of("word " * 1000)) < 310
