import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.recordings.checking import problems
from benchmarks.recordings.manifest import read_entries, read_lines
from clients.errors import AudioError
from clients.session_recording import SessionRecording
from tests.clients.manual_clock import Clock
from tests.clients.scripted_server import TURN

RATE = 16_000
FRAME = np.full(320, 1_000, "<i2").tobytes()


def record(directory: Path, *, speaks: bool) -> None:
    """Half a second of the user, a reply of a second, half a second of the user; 1 s between them."""
    clock = Clock()
    with SessionRecording(directory, RATE, clock) as recording:
        for number in range(25):
            clock.now = 0.02 * (number + 1)
            recording.add_user(FRAME)
        clock.now = 1.5
        recording.assistant.begin()
        recording.assistant.play(np.full(RATE, 2_000, "<i2").tobytes())
        for number in range(25):
            clock.now = 3.5 + 0.02 * (number + 1)
            recording.add_user(FRAME)
        for message in TURN if speaks else ():
            recording.handle(message)


def only(directory: Path, ending: str) -> Path:
    [path] = directory.glob(f"*-{ending}")
    return path


def test_the_two_sides_are_on_one_clock(tmp_path: Path) -> None:
    record(tmp_path, speaks=True)
    user, rate = soundfile.read(only(tmp_path, "user.wav"), dtype="int16")
    assistant, _ = soundfile.read(only(tmp_path, "assistant.wav"), dtype="int16")
    assert rate == RATE
    assert len(user) == len(assistant) == 4 * RATE
    assert [int(user[int(second * RATE)]) for second in (0.25, 1.0, 3.25, 3.75)] == [1_000, 0, 0, 1_000]
    assert [int(assistant[int(second * RATE)]) for second in (1.25, 2.0, 2.75)] == [0, 2_000, 0]


def test_it_is_a_recording_for_the_benchmarks(tmp_path: Path) -> None:
    record(tmp_path, speaks=True)
    assert problems(tmp_path, read_lines(tmp_path)) == []
    [entry] = read_entries(tmp_path)
    assert (entry.text, entry.lang, entry.is_speech, entry.wer_ok) == ("What time is it?", "en", True, False)


def test_without_words_it_is_one_without_speech(tmp_path: Path) -> None:
    record(tmp_path, speaks=False)
    assert problems(tmp_path, read_lines(tmp_path)) == []
    assert not read_entries(tmp_path)[0].is_speech


def test_messages_and_transcript_are_kept(tmp_path: Path) -> None:
    record(tmp_path, speaks=True)
    lines = only(tmp_path, "messages.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [message.seq for message in TURN]
    transcript = only(tmp_path, "transcript.txt").read_text()
    assert transcript == "user: What time is it?\nassistant: It is noon.\n"


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AudioError, match="cannot be saved in"):
        SessionRecording(tmp_path / "file", RATE).__enter__()
