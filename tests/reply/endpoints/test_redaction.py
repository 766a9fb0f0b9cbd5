"""Error texts of endpoints are logged without secrets and without the words of users."""

import json
import time

import pytest

from voicegw.reply.endpoints.redaction import redacted, start_of, without_echoes

SAID = "Where is the secret kept? Grüße aus Köln."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max_tokens is not supported", "max_tokens is not supported"),
        (f"cannot read: {SAID}", "cannot read: [...]"),
        (json.dumps({"echo": SAID}), '{"echo": " [...]"}'),
        (repr([{"content": SAID}]), "[{'content': ' [...]'}]"),
        ("cannot read: is the secret kept? Grü", "cannot read: [...]"),
        ("cannot read: WHERE IS it", "cannot read: [...] IS it"),
        ("cannot read: IS THE SECRET KEPT", "cannot read: [...]"),
        ("no secret in KÖLN, not even grüße", "no [...] in [...], not even [...]"),
        ("KÖLN and Ⱥ", "[...] and ⱥ"),  # in lower case it takes more bytes
        ("<script>alert() <script", ""),
        ("a < b <i>c</i>", "a < b c"),
        ("a-word-of-letters-alone-is-none", "a-word-of-letters-alone-is-none"),
        ("my-own-long-key-is-sk-abcdefghijk", "[...]"),
        ("key sk-4f9a***b is wrong", "key [...] is wrong"),
        ("Bearer abc is wrong", "[...] is wrong"),
        ("request 01HZX9QK3V5M8T2W7R4Y6B failed", "request [...] failed"),
        ("at https://me:pw@host/v1", "at https:// [...]host/v1"),
        ("<html><style>p {}</style><h1>502 Bad\nGateway</h1>", "502 Bad Gateway"),
        ("two\\nlines\x00", "two lines"),
    ],
)
def test_secrets_and_private_words_are_hidden(text: str, expected: str) -> None:
    assert redacted(text, [SAID, ""]) == expected


def test_a_short_message_is_hidden_word_by_word() -> None:
    assert redacted("no: not supported", ["no"]) == "[...]: not supported"


def test_of_other_texts_longer_parts_are_hidden() -> None:
    prompt = "Answer in words that this model supports."
    assert redacted("words that this model: not supported", [], [prompt]) == "[...]: not supported"


def test_a_repeated_message_is_not_part_of_the_complaint() -> None:
    assert without_echoes(f"not supported: {json.dumps(SAID)}", [SAID, "not"]) == 'not supported: "[...]"'


HOSTILE = [
    *("<", "<a ", "<script ", "\\", "\\u", "a", "a-", "://", "://a", "bearer ", "sk-", "[...]", " \x01", "é"),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_redaction_takes_linear_time(piece: str) -> None:
    said = (piece * 200_000)[:200_000]
    redacted(said, [said], [said])  # in quadratic time, this takes minutes
    begun_s = time.process_time()
    for _ in range(20):
        redacted(said, [])
    assert time.process_time() - begun_s < 1  # in quadratic time, several seconds


def test_a_message_in_another_script_is_hidden() -> None:
    assert redacted("cannot read 東京の天気は", ["東京の天気はどうですか"]) == "cannot read [...]"


def test_a_log_line_is_short() -> None:
    assert len(start_of("word " * 1000)) < 310
