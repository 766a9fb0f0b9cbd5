"""What the offline responder says: a table of patterns, each with the function that answers it.

Patterns match the plain form of the message (see plain.py); the first that fits answers. Nothing here
pretends to understand more: what no rule fits is repeated, with the reason why that is all.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicegw.reply import arithmetic, cities, durations, numbers
from voicegw.reply.plain import plain

_MAX_QUOTED = 200  # characters of a message that a reply quotes
_MAX_MATCHED = 1_000  # characters of a message that are held against the patterns

_CAN_DO = "ask me the time, the date or a sum, or have me repeat something"
_NO_TIMERS = "I keep no timers, alarms or reminders, and cannot ring."


@dataclass(frozen=True)
class Heard:
    """A user message: as it came but for its blanks, the plain form of its beginning, and when it came."""

    text: str
    plain: str
    now: datetime


Handler = Callable[[Heard, "re.Match[str]"], str]


def reply_to(text: str, now: datetime) -> str:
    """What the first rule that fits `text` says to it; `now` is the local time, aware of its zone."""
    heard = Heard(" ".join(text.split()), plain(text[:_MAX_MATCHED]), now)
    return next(
        handler(heard, match)
        for pattern, handler in RULES
        if (match := re.fullmatch(pattern, heard.plain))  # the last rule fits everything
    )


def _always(reply: str) -> Handler:
    return lambda heard, match: reply


def _repeat(heard: Heard, match: "re.Match[str]") -> str:
    said = re.search(r"\b(?:say|repeat)\b(?:\W+after me\b)?\W+(.+)", heard.text, re.IGNORECASE)
    return re.sub(r'["\u201c\u201d]', "", said[1] if said else heard.text)


def _say_time(heard: Heard, match: "re.Match[str]") -> str:
    return f"It is {_clock(heard.now)}."


def _say_time_in(heard: Heard, match: "re.Match[str]") -> str:
    zone = cities.find_zone(match["place"])
    if zone is None:
        return f"I cannot find {match['place'].title()} in the time zone database."
    there = heard.now.astimezone(zone)
    return f"In {cities.city_of(zone)} it is {_clock(there)}{_weekday(there, heard.now)}."


def _clock(time: datetime) -> str:
    return f"{time.hour % 12 or 12}:{time:%M} {'AM' if time.hour < 12 else 'PM'}"


def _weekday(time: datetime, now: datetime) -> str:
    """The day of `time`, where it is another one than now."""
    return "" if time.date() == now.date() else f" on {time:%A}"


_DAYS_AWAY = {"yesterday": -1, "today": 0, "tomorrow": 1}


def _say_date(heard: Heard, match: "re.Match[str]") -> str:
    named = re.search("yesterday|tomorrow", heard.plain)
    word = named[0] if named else "today"
    day = heard.now + timedelta(days=_DAYS_AWAY[word])
    verb = "was" if word == "yesterday" else "is"
    return f"{word.capitalize()} {verb} {day:%A}, {day:%B} {day.day}, {day.year}."


def _say_year(heard: Heard, match: "re.Match[str]") -> str:
    return f"It is {heard.now.year}."


def _calculate(heard: Heard, match: "re.Match[str]") -> str:
    try:
        result = arithmetic.evaluate(match["sum"])
    except ZeroDivisionError:
        return "Nothing can be divided by zero."
    return f"{match['sum'].capitalize()} is {numbers.in_digits(result)}."


def _decline_timer(heard: Heard, match: "re.Match[str]") -> str:
    duration = durations.find_duration(heard.plain)
    if duration is None:
        return _NO_TIMERS
    end = heard.now + duration
    when = _clock(end) + _weekday(end, heard.now)
    return (
        f"A timer for {durations.spoken(duration)} would end at {when}, but I have not set it. {_NO_TIMERS}"
    )


def _cannot_answer(heard: Heard, match: "re.Match[str]") -> str:
    return f"I heard: {_quoted(heard)} No language model is connected, so I cannot answer that."


def _cannot_do(heard: Heard, match: "re.Match[str]") -> str:
    return f"I heard: {_quoted(heard)} No language model or devices are connected, so I can only repeat it."


def _quoted(heard: Heard) -> str:
    """The message as a sentence, cut where it gets long."""
    if len(heard.text) > _MAX_QUOTED:
        return heard.text[:_MAX_QUOTED].rstrip() + "\u2026"
    return heard.text if heard.text.endswith((".", "?", "!")) else f"{heard.text}."


_NOW = r"(?: right now| now| today| currently)?"
_DAY = r"(?: yesterday| today| tomorrow)?"
_TIME = rf"(?:what time is it|(?:what is |tell me |do you (?:know|have) )?(?:the )?(?:current )?time){_NOW}"
_QUESTION = (
    r"(?:what|who|whose|where|when|why|how|which|is|are|am|was|were|do|does|did|has|have|should|can|could"
    r"|will|would)\b.*"
)

RULES: tuple[tuple[str, Handler], ...] = (
    (r"", _always("I heard nothing to answer.")),
    # Talk.
    (
        r"(?:hello|hi|hey|good (?:morning|afternoon|evening))(?: there| again| everyone)?",
        _always(f"Hello. No language model is connected, but you can {_CAN_DO}."),
    ),
    (
        r"(?:who|what|how) are you(?: doing| today)?|what can you do|what is your name|help(?: me)?",
        _always(f"I am the built-in offline responder, not a language model. You can {_CAN_DO}."),
    ),
    (r"(?:thanks|thank you)(?: very much| so much| a lot)?", _always("You are welcome.")),
    (r"goodbye|bye|bye bye|good night|see you(?: later| soon)?", _always("Goodbye.")),
    (
        r"yes|yeah|yep|sure|okay|ok|right|correct|exactly",
        _always("All right. I remember nothing between messages, so please say a whole request at once."),
    ),
    (r"no|nope|never mind|stop|cancel", _always("All right.")),
    # Repeat.
    (
        r"(?:say|repeat)(?: after me| that| it| this)?(?: again)?",
        _always("I read only your last message, so I have nothing to repeat."),
    ),
    (r"(?:say|repeat) .+", _repeat),
    # Clock and calendar.
    (_TIME, _say_time),
    (rf"{_TIME} in (?P<place>.+?){_NOW}", _say_time_in),
    (rf"(?:what|which) (?:day|date)(?: of the week)? (?:is|was|will)(?: it)?(?: be)?{_DAY}", _say_date),
    (
        rf"what (?:is|was) (?:the |yesterdays |todays |tomorrows )(?:date|day)(?: of the week)?{_DAY}",
        _say_date,
    ),
    (r"what (?:is|was) (?:yesterday|today|tomorrow)", _say_date),
    (r"what year is it(?: now)?", _say_year),
    (r".*\b(?:timer|alarm|reminder|remind|wake me)s?\b.*", _decline_timer),
    # Sums.
    (
        rf"(?:(?:what is|how much is|calculate|compute|work out|tell me) )?(?P<sum>{arithmetic.SUM})",
        _calculate,
    ),
    # Everything else.
    (_QUESTION, _cannot_answer),
    (r".*", _cannot_do),
)
