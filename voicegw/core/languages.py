"""Word lists for turn-taking, for each language with a record; all other languages have empty lists.

They are used to judge whether a text is complete (completeness.py) and whether it interrupts a reply
(barge_in.py). In a language without a record, only punctuation and length are used, because a wrong list
would cut off speakers or make them wait.

An incomplete ending is listed only if it is hardly ever the last word of a turn. "Mach das Licht an.", "Was
ist das?" and "J'en veux un." are complete, so German verb prefixes, and articles that are also pronouns, are
not listed.
"""

from dataclasses import dataclass

from voicegw.core.jobs import AUTO_LANGUAGE

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""The letters of scripts without blanks between words, for a character class of a regular expression."""

_CODES = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr
ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc
pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue
zh
"""
CODES = frozenset(_CODES.split())
"""The codes of the languages that can be requested; those of Whisper."""

_FILLERS = "m+|m+ ?hm+|mh+m+|h+m+"  # in every language


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """The word lists of a language. Each is a list of alternatives of a regular expression, matched without
    case.

    code: ISO 639-1. incomplete_endings: words at the end of a text after which more speech follows.
    incomplete_statement_endings: the same, except at the end of a question. sentence_openers: words that
    begin a sentence; a text of any other single word is probably an answer. commands: complete turns.
    answers: complete turns that are in another list or sound like an entry of one. digits: the words for
    digits; empty where strings of digits are not waited for. whole_numbers: the possible lengths, in digits,
    of a number that is read out. blanks_in_numbers: blanks separate thousands. backchannels: what a listener
    says to make the speaker continue.
    """

    code: str
    incomplete_endings: str = ""
    incomplete_statement_endings: str = ""
    sentence_openers: str = ""
    commands: str = ""
    answers: str = ""
    digits: str = ""
    whole_numbers: frozenset[int] = frozenset()
    blanks_in_numbers: bool = False
    backchannels: str = _FILLERS


NEUTRAL = Language("")

ENGLISH = Language(
    "en",
    incomplete_endings=(
        "and|or|but|because|nor|if|although|unless|until|whether|than|a|an|the|my|your|our|their|every"
        "|i|we|they|he|she|i'm|we're|they're|you're|i'll|we'll|i've|we've|i'd|it's|that's|there's|what's"
        "|let's|um|uh|er|erm|hmm|mm|you know|i mean|let me see|let me think|kind of|sort of|such as"
        "|going to|i'd like|i would like|i want|i need|my name is|number is|can you|could you|would you"
        "|how about"
    ),
    incomplete_statement_endings=(  # "Where are you from?" is complete
        "of|from|to|with|at|for|by|into|onto|between|among|during|without|against|towards|via|per|as|like"
        "|when|which|whose"
    ),
    sentence_openers="well|so|look|listen|actually|anyway|also",
    commands=(
        "yes|no|yes please|no thanks|no thank you|thanks|thank you|okay|ok|stop|cancel|continue|go on|next"
        "|repeat|help|never mind|that's all|that's it|correct|right|sure|hello|hi|bye|goodbye"
    ),
    answers="to|for|a",  # recognisers write "to", "for" and "a" for "two", "four" and "eight" alone
    digits="zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple",
    whole_numbers=frozenset({7, 10, 11, 16}),  # of telephone and card numbers
    backchannels=(
        f"{_FILLERS}|hu+h|uh ?huh|ah+|oh+|aha|yeah|yep|yup|yes|okay|ok|right|alright|all right|sure"
        "|i see|got it|of course|that's right|go on|really|wow|cool|great|nice|good|interesting"
    ),
)

_GERMAN = Language(
    "de",
    incomplete_endings=(
        "aber|weil|dass|ob|wenn|falls|obwohl|bevor|nachdem|sobald|solange|sondern|sowie|als|des|mein|dein"
        "|unser|kein|im|ins|am|zum|zur|vom|beim|in|bis|zwischen|wegen|seit|während|trotz|ohne|äh|ähm|öh|öhm"
        "|hm|das heißt|zum beispiel|ich möchte|ich hätte gern|ich hätte gerne|ich brauche|ich heiße"
        "|mein name ist|nummer ist|nummer lautet|können sie|kannst du|könnten sie|könntest du"
    ),
    incomplete_statement_endings="und|oder|für|von",
    sentence_openers="also|tja|nun|übrigens|eigentlich",
    commands=(
        "ja|nein|doch|ja bitte|nein danke|danke|danke schön|bitte|okay|ok|stopp|stop|halt|abbrechen|weiter"
        "|noch mal|nochmal|wiederholen|hilfe|genau|richtig|stimmt|klar|gut|fertig|das ist alles|das war's"
        "|hallo|guten tag|guten morgen|tschüss|auf wiedersehen|auf wiederhören"
    ),
    digits="null|eins|zwei|zwo|drei|vier|fünf|sechs|sieben|acht|neun",
    whole_numbers=frozenset({10, 11, 12, 16}),
    backchannels=(
        f"{_FILLERS}|ah+|oh+|aha|ach|ach so|achso|ja|jaja|jo|okay|ok|genau|richtig|stimmt|klar|alles klar"
        "|na klar|natürlich|sicher|gut|schön|super|toll|prima|verstehe|ich verstehe|echt|wirklich|interessant"
    ),
)

_FRENCH = Language(
    "fr",
    incomplete_endings=(
        "et|mais|car|ni|parce que|puisque|lorsque|quoique|comme|le|la|les|des|du|au|aux|mon|ma|mes|ton"
        "|ta|tes|ses|notre|votre|nos|vos|ces|cet|cette|chaque|quelques|je|de|à|en|dans|sur|sous|par|chez"
        "|vers|jusqu'à|euh|heu|hum|je voudrais|j'aimerais|je m'appelle|mon nom est|numéro est|est-ce que"
        "|pouvez-vous|peux-tu|pourriez-vous|c'est-à-dire|par exemple"
    ),
    incomplete_statement_endings="ou|que|quand|quel|quelle|pour|il y a",
    sentence_openers="alors|donc|ensuite|puis|enfin",
    commands=(
        "oui|non|si|oui merci|non merci|merci|s'il vous plaît|s'il te plaît|d'accord|okay|ok|stop|arrête"
        "|arrêtez|annule|annuler|continue|continuez|encore|suivant|répète|répétez|à l'aide|exact|exactement"
        "|c'est ça|c'est tout|c'est bon|voilà|bien sûr|parfait|bonjour|bonsoir|salut|au revoir"
    ),
    answers="bien sur",  # without its accent
    digits="zéro|un|une|deux|trois|quatre|cinq|six|sept|huit|neuf",
    whole_numbers=frozenset({10, 16}),
    blanks_in_numbers=True,
    backchannels=(
        f"{_FILLERS}|ah+|oh+|ah bon|oui|ouais|okay|ok|d'accord|entendu|je vois|je comprends|bien sûr"
        "|c'est vrai|exact|exactement|voilà|tout à fait|vraiment|super|génial|bien|très bien|bon|parfait"
        "|intéressant"
    ),
)

_SPANISH = Language(
    "es",
    incomplete_endings=(
        "e|o|u|pero|porque|aunque|mientras|cuando|ni|sino|el|la|los|las|un|su|sus|mis|tus|cada|del|al|de"
        "|a|en|con|por|para|sin|sobre|hasta|desde|hacia|según|durante|muy|eh|em|ehm|o sea|es decir"
        "|por ejemplo|tengo que|voy a|quisiera|me llamo|mi nombre es|número es"
    ),
    incomplete_statement_endings="y|que",
    sentence_openers="pues|entonces|mira|oye|además",
    commands=(
        "sí|si|no|sí por favor|no gracias|gracias|muchas gracias|por favor|vale|okay|ok|de acuerdo|stop"
        "|para|alto|basta|cancela|cancelar|continúa|continuar|sigue|siguiente|repite|repetir|ayuda|correcto"
        "|exacto|claro|bueno|perfecto|eso es todo|nada más|hola|buenos días|buenas tardes|adiós|hasta luego"
    ),
    digits="cero|uno|una|dos|tres|cuatro|cinco|seis|siete|ocho|nueve",
    whole_numbers=frozenset({9, 16}),
    backchannels=(
        f"{_FILLERS}|ah+|oh+|aha|ajá|sí|si|ya|ya veo|vale|okay|ok|claro|claro que sí|de acuerdo|bien|muy bien"
        "|bueno|exacto|eso es|entiendo|por supuesto|en serio|de verdad|genial|perfecto|interesante"
    ),
)

_RECORDS = {language.code: language for language in (ENGLISH, _GERMAN, _FRENCH, _SPANISH)}


def language_of(code: str) -> Language:
    """The record of a language by its ISO 639-1 code; NEUTRAL if there is none. An empty code is the server's
    default, which is unknown here; the record for it is ENGLISH."""
    return _RECORDS.get(code, NEUTRAL) if code else ENGLISH


def is_language(text: str) -> bool:
    """Whether `text` is the ISO 639 code of a language that can be recognised, AUTO_LANGUAGE, or empty for
    the server's default."""
    return text in ("", AUTO_LANGUAGE) or text in CODES
