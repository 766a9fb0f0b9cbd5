"""flite through its C library: samples, and the times of words and phones."""

import ctypes
from collections.abc import Iterator

import numpy as np

from models.training.espeak import Rendering
from models.training.wordlists import words

VOICES = {"slt": 172.0, "awb": 130.0, "rms": 95.0, "kal16": 105.0}  # name: usual pitch in Hz
_FEATURES_OFFSET = 8  # of `features` in cst_voice, after the name pointer


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class Flite:
    """The library and its four voices; one instance for a process."""

    def __init__(self) -> None:
        for dependency in ("libflite.so.1", "libflite_cmulex.so.1", "libflite_usenglish.so.1"):
            self._library = ctypes.CDLL(dependency, mode=ctypes.RTLD_GLOBAL)
        library = self._library = ctypes.CDLL("libflite.so.1")
        library.flite_init()
        pointers = words("flite_synth_text utt_wave utt_relation relation_head item_next item_as item_parent")
        for name in pointers:
            getattr(library, name).restype = ctypes.c_void_p
        library.ffeature_float.restype = ctypes.c_float
        library.item_feat_string.restype = ctypes.c_char_p
        self._voices = {name: self._register(name) for name in VOICES}

    @staticmethod
    def _register(name: str) -> ctypes.c_void_p:
        library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1", mode=ctypes.RTLD_GLOBAL)
        register = getattr(library, f"register_cmu_us_{name}")
        register.restype = ctypes.c_void_p
        return ctypes.c_void_p(register(None))

    def _items(self, utterance: ctypes.c_void_p, relation: bytes) -> Iterator[ctypes.c_void_p]:
        item = self._library.relation_head(ctypes.c_void_p(self._library.utt_relation(utterance, relation)))
        while item:
            yield ctypes.c_void_p(item)
            item = self._library.item_next(ctypes.c_void_p(item))

    def say(self, text: str, voice: str, stretch: float, pitch_hz: float) -> Rendering:
        """Speaks `text`; `stretch` above 1 is slower."""
        library, cst_voice = self._library, self._voices[voice]
        address = cst_voice.value
        assert address is not None
        features = ctypes.c_void_p(ctypes.c_void_p.from_address(address + _FEATURES_OFFSET).value)
        library.feat_set_float(features, b"duration_stretch", ctypes.c_float(stretch))
        library.feat_set_float(features, b"int_f0_target_mean", ctypes.c_float(pitch_hz))
        utterance = ctypes.c_void_p(library.flite_synth_text(text.encode(), cst_voice))
        wave = ctypes.cast(ctypes.c_void_p(library.utt_wave(utterance)), ctypes.POINTER(_Wave)).contents
        samples = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).copy()
        rate = wave.sample_rate
        spans = self._word_spans(utterance)
        phones, start = [], 0.0
        for item in self._items(utterance, b"Segment"):
            phones.append((int(start * rate), library.item_feat_string(item, b"name").decode()))
            start = library.ffeature_float(item, b"end")
        library.delete_utterance(utterance)
        starts, ends = [int(a * rate) for a, _ in spans], [int(b * rate) for _, b in spans]
        return Rendering(samples, rate, starts, ends, phones)

    def _word_spans(self, utterance: ctypes.c_void_p) -> list[tuple[float, float]]:
        """(start, end) in seconds of every written word: flite says "what's" as two words of one token."""
        library = self._library
        spans: list[tuple[float, float]] = []
        last_token = None
        for item in self._items(utterance, b"Word"):
            start = library.ffeature_float(item, b"R:SylStructure.daughter1.daughter1.R:Segment.p.end")
            end = library.ffeature_float(item, b"R:SylStructure.daughtern.daughtern.R:Segment.end")
            token = library.item_parent(ctypes.c_void_p(library.item_as(item, b"Token")))
            if token == last_token:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
            last_token = token
        return spans
