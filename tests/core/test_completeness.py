"""The lists are judged by what people say to assistants, and by what recognisers write of it."""

import pytest

from voicegw.core.completeness import Completeness, judge
from voicegw.core.languages import ENGLISH, NEUTRAL, language_of

FINISHED = [
    *(
        "What time is it?",
        "Set a timer for ten minutes.",
        "Where are you from?",
        "What is it like?",
        "I think so.",
    ),
    *(
        "stop",
        "Yes, please",
        "no thank you",
        "That's it",
        'He said "no."',
        "何時ですか。",
        "Turn the lights on.",
    ),
    *(
        "My number is five five five one two three four.",
        "It costs 20 dollars.",
        "Call 555 1234.",
        "In 2026.",
        "Wake me at 10:30.",
        "It is $1,200.",
    ),
]
UNFINISHED = [
    *("Good morning,", "and then…", "I was...", "The thing is -", "Wir nehmen，", "Tell me:"),
    *("I would like a", "Remind me to", "I want to.", "The book is from", "because", "and.", "Can you", "um"),
    *("Well, you know", "I'd like", "Is it the?", "My name is", "It is for my.", "If", "Let’s"),
    *("five five five", "The number is five two seven one five.", "555 12", "oh seven double nine"),
]
OPEN = ["", "  ", "turn on the light", "Great", "All right", "one two", "it is 5"]


@pytest.mark.parametrize("text", FINISHED)
def test_a_sentence_or_a_command_is_finished(text: str) -> None:
    assert judge(text, ENGLISH) is Completeness.FINISHED


@pytest.mark.parametrize("text", UNFINISHED)
def test_some_texts_are_incomplete(text: str) -> None:
    assert judge(text, ENGLISH) is Completeness.UNFINISHED


@pytest.mark.parametrize("text", OPEN)
def test_other_texts_are_undecided(text: str) -> None:
    assert judge(text, ENGLISH) is Completeness.UNDECIDED


ONE_WORD = {
    "en": "yes no okay three four to for oh twelve Tuesday Berlin 7 42 555 1,200 10:30 2026",
    "de": "ja nein doch eins drei acht zwölf Dienstag Köln 7 42 555 1.200 10:30",
    "fr": "oui non si un une trois douze mardi Lyon 7 42 555 10:30 1,5",
    "es": "sí si no para uno una tres doce martes Madrid 7 42 555 10:30",
    "hi": "हाँ नहीं तीन",
    "zh": "是 不是 三",
    "ja": "はい いいえ 三",
}


@pytest.mark.parametrize(("code", "answers"), ONE_WORD.items(), ids=list(ONE_WORD))
@pytest.mark.parametrize("behind", ["", ".", ",", "...", "…", "?", " -", "。", "、"])
def test_a_one_word_answer_is_never_waited_for(code: str, answers: str, behind: str) -> None:
    waited_for = [
        answer
        for answer in answers.split()
        if judge(answer + behind, language_of(code)) is Completeness.UNFINISHED
    ]
    assert waited_for == []


@pytest.mark.parametrize(
    ("code", "command"),
    [
        ("en", "never mind"),
        ("de", "Nein, danke"),
        ("de", "Tschüß"),
        ("fr", "s’il vous plaît"),
        ("es", "Sí, por favor"),
    ],
)
def test_a_command_is_finished_without_a_full_stop(code: str, command: str) -> None:
    assert judge(command, language_of(code)) is Completeness.FINISHED
    assert judge(command, NEUTRAL) is Completeness.UNDECIDED


@pytest.mark.parametrize(
    ("code", "text"),
    [
        *[("de", each) for each in ("Ich nehme den Bus und.", "Meine Nummer ist", "weil", "Äh.")],
        *[("de", each) for each in ("Ich heiße.", "Also,", "null acht fünfzehn, drei drei eins", "0 3 0.")],
        *[("fr", each) for each in ("Je voudrais.", "Avec le", "parce que", "Euh...", "Alors,", "06 12 34.")],
        *[("es", each) for each in ("Quisiera un.", "porque", "Me llamo", "Pues,", "seis uno dos tres")],
        ("xx", "Da nije tako,"),
        ("zh", "我想要一个，"),
    ],
)
def test_some_texts_are_incomplete_in_every_language(code: str, text: str) -> None:
    assert judge(text, language_of(code)) is Completeness.UNFINISHED


@pytest.mark.parametrize(
    ("code", "text"),
    [
        *[("de", each) for each in ("Mach das Licht an.", "Was ist das?", "Ich komme mit.", "Na und?")],
        *[("de", each) for each in ("Das stimmt, oder?", "Das weiß ich.", "0 3 0 1 2 3 4 5 6 7.")],
        *[("fr", each) for each in ("Allume-la.", "J'en veux un.", "Depuis quand ?", "Ça coûte 12 000.")],
        *[("fr", each) for each in ("Qu’est-ce qu’il y a ?", "06 12 34 56 78.", "C’est « ça ».")],
        *[("es", each) for each in ("¿Y tú?", "¿Y?", "¿Por qué?", "Quiero una.", "612 345 678.")],
        ("ar", "نعم؟"),
        ("hi", "मैं ठीक हूँ।"),
    ],
)
def test_complete_turns_are_finished_in_every_language(code: str, text: str) -> None:
    assert judge(text, language_of(code)) is Completeness.FINISHED


def test_lists_are_not_used_in_other_languages() -> None:
    assert judge("Si.", language_of("fr")) is Completeness.FINISHED
    assert judge("He sat in the", NEUTRAL) is Completeness.UNDECIDED
    assert judge("Es geht um die", ENGLISH) is Completeness.UNDECIDED
    assert judge("1 000 000.", NEUTRAL) is Completeness.FINISHED
