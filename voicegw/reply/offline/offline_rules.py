"""The rules of the offline responder. Pure: a text and the local time to a reply.

A text that no rule matches is repeated, with the reason why it gets no other reply: no rule poses as a
language model.
"""

import re
from collections.abc import Callable
from datetime import datetime

_MAX_QUOTED = 200  # characters of a message that a reply quotes
_MAX_MATCHED = 1_000  # characters of a message that the patterns see

_CAN_DO = "ask me the time or the date, or have me repeat something"
_POLITE_WORDS = re.compile(
    r"^(?:(?:please|kindly|can you|could you|would you|will you) )+| (?:please|thanks|thank you)$"
)
_NOW = r"(?: right now| now| today| currently)?"
_QUESTION = (
    r"(?:whats?|who|whose|where|when|why|how|which|is|are|am|was|were|do|does|did|has|have|should|can|could"
    r"|will|would)\b.*"
)

Rule = tuple[str, Callable[[str, datetime], str]]


def reply_to(text: str, now: datetime) -> str:
    """The reply of the first rule that matches `text`, at local time `now`."""
    words = " ".join(text.split())
    plain = " ".join(re.findall(r"\w+", re.sub(r"['\u2019]", "", words[:_MAX_MATCHED].lower())))
    plain = _POLITE_WORDS.sub("", plain)
    return next(answer(words, now) for pattern, answer in _RULES if re.fullmatch(pattern, plain))


def _always(reply: str) -> Callable[[str, datetime], str]:
    return lambda text, now: reply


def _say_time(text: str, now: datetime) -> str:
    return f"It is {now.hour % 12 or 12}:{now:%M} {'AM' if now.hour < 12 else 'PM'}."


def _say_date(text: str, now: datetime) -> str:
    return f"Today is {now:%A}, {now:%B} {now.day}, {now.year}."


def _repeat(text: str, now: datetime) -> str:
    found = re.search(r"\b(?:say|repeat)\b(?:\W+after me\b)?\W+(.+)", text, re.IGNORECASE)
    return re.sub(r'["\u201c\u201d]', "", found[1] if found else text)


def _cannot_answer(text: str, now: datetime) -> str:
    return f"I heard: {_quoted(text)} No language model is connected, so I cannot answer that."


def _cannot_do(text: str, now: datetime) -> str:
    return f"I heard: {_quoted(text)} No language model or devices are connected, so I can only repeat it."


def _quoted(text: str) -> str:
    """The message as a sentence, shortened if it is long."""
    if len(text) > _MAX_QUOTED:
        return text[:_MAX_QUOTED].rstrip() + "\u2026"
    return text if text.endswith((".", "?", "!")) else f"{text}."


_RULES: tuple[Rule, ...] = (
    (r"", _always("I heard nothing to answer.")),
    (
        r"(?:hello|hi|hey|good (?:morning|afternoon|evening))(?: there| again| everyone)?",
        _always(f"Hello. No language model is connected, but you can {_CAN_DO}."),
    ),
    (
        r"(?:who|what|how) are you(?: doing| today)?|what can you do|help(?: me)?",
        _always(f"I am the built-in offline responder, not a language model. You can {_CAN_DO}."),
    ),
    (r"(?:thanks|thank you)(?: very much| so much| a lot)?", _always("You are welcome.")),
    (r"goodbye|bye|bye bye|good night|see you(?: later| soon)?", _always("Goodbye.")),
    (r"yes|no|okay|all right|stop|cancel|never mind", _always("All right.")),
    (
        r"(?:say|repeat)(?: after me| that| it| this)?(?: again)?",
        _always("I read only your last message, so I have nothing to repeat."),
    ),
    (r"(?:say|repeat) .+", _repeat),
    (rf"what time is it{_NOW}|(?:whats |what is |tell me )?the (?:current )?time{_NOW}", _say_time),
    (rf"what (?:day|date) is it{_NOW}|(?:whats |what is )(?:the |todays )date{_NOW}", _say_date),
    (_QUESTION, _cannot_answer),
    (r".*", _cannot_do),
)
