"""espeak-ng through its C library: samples, and the times of words and phones."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LIBRARY = "libespeak-ng.so.1"
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_PHONEME_EVENTS = 1
_POSITION_CHARACTER = 1
_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Rendering:
    """What a synthesizer made of a text; times are samples at `rate`."""

    samples: NDArray[np.int16]
    rate: int
    word_starts: Sequence[int]
    word_ends: Sequence[int] | None  # None where the synthesizer tells only starts
    phones: Sequence[tuple[int, str]]  # start, name


class Espeak:
    """One library instance; it is global to the process and not thread-safe."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(_LIBRARY)
        self._rate: int = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        self._chunks: list[NDArray[np.int16]] = []
        self._words: dict[int, int] = {}
        self._phones: list[tuple[int, str]] = []
        self._callback = _Callback(self._receive)  # kept: the library holds only its address
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(
        self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]"
    ) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while (event := events[index]).type != _EVENT_END:
            if event.type == _EVENT_WORD:
                self._words.setdefault(event.text_position - 1, event.sample)
            elif event.type == _EVENT_PHONEME:
                self._phones.append((event.sample, bytes(event.id.string).decode("utf-8", "ignore")))
            index += 1
        return 0

    def say(self, text: str, voice: str, words_per_minute: int, pitch: int, pitch_range: int) -> Rendering:
        """Speaks `text`; pitch and range are espeak's 0 to 100 scale. An unknown voice is a ValueError."""
        self._chunks, self._words, self._phones = [], {}, []
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode() + b"\0"
        self._library.espeak_Synth(encoded, len(encoded), 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate([np.zeros(0, np.int16), *self._chunks])
        return Rendering(samples, self._rate, self._starts(text, len(samples)), None, self._phones)

    def _starts(self, text: str, total: int) -> list[int]:
        """Start of every word; those that espeak joined to another ("of the") share its time evenly."""
        offsets = [0]
        for word in text.split()[:-1]:
            offsets.append(offsets[-1] + len(word) + 1)
        known = {place: self._words[offset] for place, offset in enumerate(offsets) if offset in self._words}
        known |= {len(offsets): total}
        return [int(time) for time in np.interp(range(len(offsets)), list(known), list(known.values()))]
