"""Sentences composed of trained ones, so that words are met in more surroundings than the patterns have.

A frame is a pattern that may also hold ``<command>``, ``<question>`` and ``<statement>``: a whole sentence of
that sort without its capital and its full stop. Nothing here uses held-out patterns.
"""

import random
import re

from models.training import text
from models.training.grammar import expand
from models.training.lexicon import LEXICON
from models.training.numerals import MONTHS

_FRAMES = """
Can you <command>?
Can you <command> and <command>?
I want you to <command>.
I'd like you to <command>[| {day}].
I need you to <command>.
Please <command> and then <command>.
Please <command>, thank you.
Don't forget to <command>.
You forgot to <command>.
I forgot to <command>.
I told {person} to <command>.
Tell {person} to <command>.
My {relative} wants to <command>.
{name} asked me to <command>.
First <command>, then <command>.
<command> and <command>.
<command>, and then tell me when you are ready.
<command> or <command>.
When I come home, <command>.
When {name} is here, <command>.
If it is [cold|warm|hot|late|too late|possible], <command>.
After {clock}, <command>.
Before {clock}, <command>.
Before you <command>, <command>.
Why don't you <command>?
How can I <command>?
It's time to <command>.
We should <command>.
Let's <command>[| {day}].
Did you <command>?
Thank you, now <command>.
Tell me, <question>?
I have a question, <question>?
{name} wants to know, <question>?
Listen, {name}, <question>?
Excuse me, {title_name}, <question>?
<question>? I don't know.
<question>? Tell me, please.
<question>, and <question>?
I think <statement>.
I hope <statement>.
I said <statement>.
{name} said <statement>.
My {relative} told me that <statement>.
I know that <statement>.
<statement>, but <statement>.
<statement>, and <question>?
<statement>, so <command>.
Yes, <statement>, thank you.
Where is {item}?
Where is {item} and where is {item}?
Did you find {item}?
Have you seen {item}?
I can't find {item}.
I'm looking for {item} in the {room}.
I [saw|found|lost|forgot] {item} at the {place}.
I [need|want|like|love|bought|ordered] {item} and {item}.
Do you [need|want|like|have] {item} or {item}?
{item} is [in|near|behind|next to] {item}.
[Is|Was] {item} [in the {room}|at the {place}|in {city}]?
{item} and {item}, please.
Show me {item}[| and {item}].
Tell me about {item}.
{item} [is|was] [good|great|too old|very nice|wrong|late|{color}|too expensive].
How much [is|was] {item}?
Who [has|bought|found|called about] {item}?
Give {item} to {person}.
Take {item} to {article_place} {day}.
{person} has {item}.
Not {item}, {item}.
""".strip().splitlines()
_ITEMS = [
    *("the {device}", "my {device}", "the {door}", "the {food}", "some {food}", "the {place}", "my {event}"),
    *("the {event}", "my {relative}", "the {animal}", "a {animal}", "my {account_number} number", "{name}"),
    *("the {color} {device}", "{number:2-20} {food}", "the next {event}", "my phone", "the last message"),
    *("your {account_number} number", "the {room}", "our {relative}", "{city}", "{person}", "the {shop}"),
]
_SORTS = {
    "command": (["command"], "."),
    "question": (["question"], "?"),
    "statement": (["small talk", "telephone", "date and time", "money", "names"], "."),
}
_LONGEST_WORDS = 16
_PROPER = {
    *("I", "I'm", "I'd", "I'll", "Doctor", "Mister", "Miss", *MONTHS),
    *(
        word
        for slot in ("name", "surname", "city", "country", "weekday")
        for entry in LEXICON[slot]
        for word in entry.split()
    ),
}


def composed(rng: random.Random) -> text.Sentence:
    """One random composed sentence of at most 16 words."""
    lexicon = {**LEXICON, "item": _ITEMS}
    while True:
        frame = rng.choice(_FRAMES)
        filled = re.sub(r"<(\w+)>", lambda match: _part(rng, match[1]), frame)
        sentence = text.tidy(expand(filled, lexicon, rng))
        if len(sentence.split()) <= _LONGEST_WORDS:
            return text.Sentence(sentence, "composed")


def _part(rng: random.Random, sort: str) -> str:
    """A short sentence of that sort, to be embedded in another."""
    kinds, end = _SORTS[sort]
    while True:
        pattern = rng.choice(text.TRAINED[rng.choice(kinds)])
        if pattern.endswith(end):
            sentence = text.tidy(expand(pattern, LEXICON, rng))
            if sentence.count(".") + sentence.count("?") == 1 and len(sentence.split()) < 10:
                first = sentence.split()[0].rstrip(",.?")
                return (sentence if first in _PROPER else sentence[0].lower() + sentence[1:])[:-1]
