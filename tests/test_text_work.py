"""Text from outside costs the event loop little, whatever is in it: everything else waits meanwhile."""

import gc
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

import pytest
from websockets.datastructures import Headers

from tests.observing import asked
from voicegw.core import barge_in, completeness, echo, hypothesis
from voicegw.core.audio import AudioFormat
from voicegw.core.chat_history import ChatHistory, DialogueOptions
from voicegw.core.events import Message, PartialTranscript, ReplyDelta
from voicegw.core.jobs import Word
from voicegw.core.languages import ENGLISH, language_of
from voicegw.core.moderation_queue import ModerationQueue
from voicegw.core.sentences import SentenceSplitter
from voicegw.core.speech_output import SpeechOptions, SpeechOutput
from voicegw.dialects import native
from voicegw.dialects.native import query
from voicegw.dialects.openai_realtime import client_events
from voicegw.dialects.openai_realtime.items import item_of, message_of, shown_item
from voicegw.dialects.openai_realtime.response import MessageOutput
from voicegw.dialects.vosk.messages import Config
from voicegw.dialects.vosk.results import ResultForm
from voicegw.errors import VoicegwError
from voicegw.gateway.auth.authenticator import Authenticator, TokenOptions
from voicegw.gateway.auth.client_address import ClientAddresses, ProxyOptions
from voicegw.gateway.auth.replay_cache import LocalReplayCache
from voicegw.reply.endpoints.redaction import redacted
from voicegw.reply.llm import prompt
from voicegw.reply.llm.reasoning import ReplyStart, VisibleText
from voicegw.reply.llm.request_form import RequestForm
from voicegw.reply.offline import offline_responder, offline_rules
from voicegw.reply.voice.spoken_text import spoken_form
from voicegw.wyoming.requests import Transcribe

CHARACTERS = 8_000
ALLOWED_S = 0.010
SLOW_MACHINE = 5  # times as slow as the one the figure is for
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

PIECES = [
    *(".", "...a ", "Mr. ", "A. ", "e.g. ", "1. ", "a.", "Hi. ", "!?", "。", ", ", "-", "--", ",)", '."'),
    *(
        "[",
        "(",
        "[a](",
        "<",
        "<a",
        "<script",
        "<think",
        "< ",
        "{",
        "*",
        "_a",
        "`",
        "```\n",
        "~~~",
        "|",
        "| -",
    ),
    *(
        "\\",
        "\\u",
        "\n",
        "\n\n",
        " ",
        "\t",
        "> ",
        "# ",
        '"',
        "'",
        "&#91;",
        "&",
        "@a",
        "a@",
        "http://",
        "www.",
    ),
    *(
        "1",
        "1 ",
        "12 345 ",
        "1,",
        "1.1.",
        "+1 ",
        "$1",
        "%",
        "10:",
        "1/2",
        "24/7 ",
        "2020 ",
        "May ",
        "x",
        "-1",
    ),
    *(
        "a",
        "a ",
        "Aa",
        "ab1_",
        "mm ",
        "hm",
        "h",
        "m'",
        "two ",
        "point one ",
        "and a half ",
        "say ",
        "please ",
    ),
    *("\u0301\u0323", "é", "ß", "ﷺ", "東京", "ก", "👍🏽", "\u200b", "\ud7ff", "Bearer ", "sk-", "not a"),
    *("10.0.0.1,", "for=10.0.0.1,"),
]


def adversarial(piece: str) -> str:
    return (piece * CHARACTERS)[:CHARACTERS]


def words(text: str) -> list[Word]:
    return [Word(each, at * 100, at * 100 + 90, 0.9) for at, each in enumerate(text.split() or [text])]


def cut(text: str) -> object:
    cutter = SentenceSplitter()
    return [*cutter.push(text), *cutter.flush()]


def join(text: str) -> object:
    heard = words(text)
    return hypothesis.continuation(heard, [*heard[3:], *heard])


def remember(text: str) -> object:
    dialogue = ChatHistory(DialogueOptions())
    for begin in range(0, len(text), 8):
        dialogue.add_user(text[begin : begin + 8])
    return prompt.entries(dialogue.prompt())


def add_item(text: str) -> None:
    """As one event of a client, and as an item of the conversation."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    event = {"type": "conversation.item.create", "item": item}
    with suppress(VoicegwError):
        client_events.decode(json.dumps(event, ensure_ascii=False))
    message_of(item_of(item))
    shown_item(item_of(item))


def speak(text: str) -> None:
    speech = SpeechOutput(SpeechOptions(), AudioFormat.PCM, 8_000, lambda action: None)
    speech.begin(1)
    speech.receive_text(text, 0.0)
    speech.receive_text_end(0.0)
    speech.audible_text(1.0)


def type_message(text: str) -> None:
    with suppress(VoicegwError):
        native.decode(json.dumps({"type": "text", "text": f"{text[1:]}a"}, ensure_ascii=False))


def behind_proxies(text: str) -> None:
    book = ClientAddresses(ProxyOptions(trusted=("10.0.0.0/8",)))
    book.client("10.0.0.1", Headers([("X-Forwarded-For", ascii(text)[1:-1][:CHARACTERS])] * 100))


def show_token(text: str) -> None:
    with suppress(VoicegwError):
        Authenticator(TokenOptions(secret="x" * 32), LocalReplayCache()).identify(text, "")


def ask_by_url(text: str) -> None:
    with suppress(VoicegwError):
        query.parse(f"lang={quote(text.encode())[:CHARACTERS]}")


def complain(text: str) -> object:
    form = RequestForm({"model": "m", "temperature": 1, "tools": []})
    return form.without_refused(
        redacted(text, [text[:6], text[1:], text[:99]]), asked([Message("user", text)])
    )


def configure_vosk(text: str) -> None:
    phrases = [text[begin : begin + 8] for begin in range(0, len(text), 8)]
    with suppress(VoicegwError):
        _ = Config(phrase_list=phrases).key_terms


PLACES: dict[str, Callable[[str], object]] = {
    "a typed message": type_message,
    "a URL": ask_by_url,
    "a token": show_token,
    "a phrase list": configure_vosk,
    "words to expect": lambda text: Transcribe(None, [text, *text.split()]).key_terms,
    "a result without punctuation": lambda text: ResultForm(plain=True).partial(
        PartialTranscript(1, text, text, 0)
    ),
    "a header": behind_proxies,
    "a transcript": lambda text: completeness.judge(text, ENGLISH),
    "a French one": lambda text: completeness.judge(text, language_of("fr")),
    "words over a reply": lambda text: barge_in.interrupts(text, 500, barge_in.BargeInOptions(), ENGLISH),
    "a reply that asks": lambda text: barge_in.question_of(text, len(text)),
    "an echo": lambda text: echo.is_echo(text[7:], text),
    "words decoded again": join,
    "a history": remember,
    "an item of an OpenAI client": add_item,
    "what was heard of a response": lambda text: MessageOutput("1", 0, text, 1_000).characters_until(700),
    "a reply": lambda text: VisibleText(ReplyStart.UNKNOWN).receive(text),
    "a reply that is judged": lambda text: ModerationQueue(100_000).receive_event(ReplyDelta(1, text)),
    "a reply that is cut": cut,
    "a reply that is spoken": speak,
    "a sentence": spoken_form,
    "a sentence in another language": lambda text: spoken_form(text, "de"),
    "a message without a model": lambda text: offline_rules.reply_to(text, NOW),
    "one to repeat": lambda text: offline_rules.reply_to(f"say {text}", NOW),
    "a reply without a model": lambda text: offline_responder.pieces(f"a{text}"),
    "what an endpoint says": complain,
}


def seconds(work: Callable[[], object]) -> float:
    """The processor time that it takes this thread, however busy the machine is."""
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


@pytest.mark.parametrize("place", PLACES)
def test_no_text_takes_long(place: str) -> None:
    work = PLACES[place]
    work("warm up 1 a. ")  # tables that are made once
    gc.collect()
    slow = []
    for piece in PIECES:
        text = adversarial(piece)
        if all(seconds(partial(work, text)) > ALLOWED_S * SLOW_MACHINE for _ in range(2)):
            slow.append(piece)
    assert not slow


def test_a_history_of_very_many_short_messages_is_cut() -> None:
    dialogue = ChatHistory(DialogueOptions())
    for _ in range(20_000):
        dialogue.add_user("a")
    assert seconds(dialogue.prompt) < 1  # a quarter of a minute, if they were counted anew for each that goes
    assert len(dialogue.prompt()) <= DialogueOptions().history_characters / 16
