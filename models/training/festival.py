"""Festival through a child process: samples, and the times of words and phones.

`festival.scm` is what runs in the child. It answers with a line for each phone and then the line "end", also
where it failed; the sound comes in a file that both processes have open.
"""

import contextlib
import os
import select
import shutil
import subprocess
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import soundfile

from models.training.espeak import Rendering

PROGRAM = "festival"
VOICES = {"ked": 105.0, "kal": 105.0, "slt": 177.0}  # name: usual pitch in Hz
_FULL_NAMES = {"ked": "ked_diphone", "kal": "kal_diphone", "slt": "cmu_us_slt_arctic_hts"}
_HMM = ("slt",)  # the others join pairs of phones
_DEVIATION = 0.14  # of the pitch, as the makers of ked and kal chose
_LAST_PAUSE = 0.4  # how much of it is kept
_PACKAGES = "festival festvox-kdlpc16k festvox-kallpc16k festvox-us-slt-hts"
_SCHEME = Path(__file__).with_suffix(".scm")
_HEAP_CELLS = "2000000"  # many times what an utterance takes
_PATIENCE_S = 60.0  # for an answer, which takes a tenth of a second
_ATTEMPTS = 2
_END = b"end\n"


def installed() -> bool:
    """Whether there is a Festival; which voices it has is asked when it starts."""
    return shutil.which(PROGRAM) is not None


class Festival:
    """The program and its three voices; it runs as long as this object lives.

    A missing program or voice is a FileNotFoundError that names the packages.
    """

    def __init__(self) -> None:
        self._sound = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with this object
        weakref.finalize(self, self._sound.close)
        self._child = _Child(self._sound.fileno())

    def say(
        self, text: str, voice: str, stretch: float, pitch_hz: float, pitch_range: int = 50
    ) -> Rendering | None:
        """Speaks `text`, or is None where Festival fails at it; `stretch` above 1 is slower.

        The range is on espeak's scale, where 50 is usual. slt's pitch is fixed, so slt says it slower and is
        played faster, or the other way round: the range stays, and the vocal tract seems shorter or longer.
        """
        faster = pitch_hz / VOICES[voice] if voice in _HMM else 1.0
        deviation_hz = pitch_hz * _DEVIATION * pitch_range / 50
        numbers = f"{stretch * faster:.4f} {pitch_hz:.2f} {deviation_hz:.2f}"
        path = _quoted(f"/dev/fd/{self._sound.fileno()}")
        phones = self._phones(f"(render {_quoted(text)} {_quoted(_FULL_NAMES[voice])} {numbers} {path})")
        if not phones:
            return None
        self._sound.seek(0)
        samples, rate = soundfile.read(self._sound, dtype="int16")
        if voice not in _HMM:
            samples = samples[: int(_end_s(phones) * rate)]
        spans = _word_spans(phones)
        return Rendering(
            samples=samples,
            rate=round(rate * faster),
            word_starts=[int(start_s * rate) for start_s, _ in spans],
            word_ends=[int(end_s * rate) for _, end_s in spans],
            phones=[(int(phone.start_s * rate), phone.name) for phone in phones],
        )

    def _phones(self, request: str) -> Sequence["_Phone"]:
        """What is said; [] for nothing.

        Asked again, in a new Festival, where one crashed: so the answer does not depend on earlier requests.
        """
        for _ in range(_ATTEMPTS):
            if not self._child.running:
                self._child = _Child(self._sound.fileno())
            if phones := _parsed(self._child.answer(request)):
                return phones
        return []


class _Child:
    """A Festival that has read `festival.scm`; it is killed with this object, or when Python ends."""

    def __init__(self, sound: int) -> None:
        """`sound` is the descriptor of the file that is shared."""
        if not installed():
            raise FileNotFoundError(f"there is no {PROGRAM}: apt-get install {_PACKAGES}")
        self._process = subprocess.Popen(
            [PROGRAM, "--heap", _HEAP_CELLS, "--pipe"],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[sound],
        )
        self._kill = weakref.finalize(self, _kill, self._process)
        voices = self.answer(f'(load {_quoted(str(_SCHEME))}) (format t "%l\\n" (voice.list))')
        if missing := set(_FULL_NAMES.values()).difference(" ".join(voices).strip("()").split()):
            self._kill()
            names = " ".join(sorted(missing))
            raise FileNotFoundError(f"{PROGRAM} lacks the voices {names}: apt-get install {_PACKAGES}")

    @property
    def running(self) -> bool:
        """Whether it has neither crashed at the last request nor kept silent."""
        return self._kill.alive

    def answer(self, expressions: str) -> list[str]:
        """The lines that Festival prints; [] where it crashes. Silence for a minute is a TimeoutError."""
        stdin, stdout = _pipes(self._process)
        deadline, received = time.monotonic() + _PATIENCE_S, b""
        with contextlib.suppress(BrokenPipeError):
            stdin.write(f"{expressions} (finish)\n".encode())
        while not received.endswith(_END):
            if not _readable(stdout, deadline):
                self._kill()
                raise TimeoutError(f"{PROGRAM} did not answer within {_PATIENCE_S} s: {expressions}")
            piece = os.read(stdout.fileno(), 65536)
            if not piece:
                self._kill()
                return []
            received += piece
        return received.decode("latin-1").splitlines()[:-1]


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in _pipes(process):
        pipe.close()


def _readable(pipe: IO[bytes], deadline: float) -> bool:
    """Waits until something can be read, or the end of the file; False at the deadline."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    return bool(poll.poll(max(0.0, 1000 * (deadline - time.monotonic()))))


def _quoted(text: str) -> str:
    """As a string of Scheme."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True)
class _Phone:
    name: str
    start_s: float
    end_s: float
    word: int  # number of the written word, the first being 1; 0 outside of words


def _parsed(lines: Sequence[str]) -> list[_Phone]:
    """The phones of an answer, each beginning where the one before it ends."""
    phones: list[_Phone] = []
    for line in lines:
        _, name, end_s, word = line.split()
        phones.append(_Phone(name, phones[-1].end_s if phones else 0.0, float(end_s), int(word)))
    return phones


def _end_s(phones: Sequence[_Phone]) -> float:
    """Where the sound of joined phones ends: in the last pause, whose end holds whatever was in memory."""
    last = phones[-1]
    return last.start_s + _LAST_PAUSE * (last.end_s - last.start_s)


def _word_spans(phones: Sequence[_Phone]) -> list[tuple[float, float]]:
    """(start, end) in seconds of every written word that is spoken."""
    spans: dict[int, tuple[float, float]] = {}
    word = 0
    for phone in phones:
        # The "r" that ked inserts after "er" has no word of its own, and belongs to that before it.
        word = phone.word or (0 if phone.name == "pau" else word)
        if word:
            spans[word] = (spans.get(word, (phone.start_s, 0.0))[0], phone.end_s)
    return list(spans.values())
