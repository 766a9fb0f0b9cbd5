"""One phone set for all synthesizers: the targets of the phone head."""

from models.training.wordlists import words

_SHARED = words(
    "sil aa ae ah ao aw ax ay b ch d dh dx eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw "
    "v w y z zh"
)
_ESPEAK_ONLY = words("O2 O@ A@ e@ @L o@ i@ i@3 U@ IR w# aI3 aI@ 3: oU# l# n- r2")
_OTHER = "other"
PHONES = [*_SHARED, *_ESPEAK_ONLY, _OTHER]
_FROM_ESPEAK = {
    **{"h": "hh", "D": "dh", "T": "th", "S": "sh", "Z": "zh", "tS": "ch", "dZ": "jh", "N": "ng", "j": "y"},
    **{"r-": "r", "i": "iy", "I": "ih", "I2": "ih", "I#": "ih", "E": "eh", "a": "ae", "aa": "ae", "V": "ah"},
    **{"@": "ax", "@2": "ax", "a#": "ax", "3": "er", "eI": "ey", "aI": "ay", "aI2": "ay", "OI": "oy"},
    **{"oU": "ow", "u": "uw", "U": "uh", "aU": "aw", "O": "ao", "A": "aa", "0": "aa", "t#": "dx"},
    **{"_": "sil", "": "sil", "_!": "sil", "pau": "sil"},
}
_NUMBERS = {phone: number for number, phone in enumerate(PHONES)}


def phone_number(name: str) -> int:
    """The index in `PHONES` of a phone as espeak-ng, flite or Festival names it, stress and length aside."""
    plain = name.strip("',%=|;: ")
    return _NUMBERS.get(_FROM_ESPEAK.get(plain, plain), _NUMBERS[_OTHER])
