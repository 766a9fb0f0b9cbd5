"""The worker process by itself, spoken to through its pipes as the pool does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

import msgspec
import pytest

from tests.asr.test_end_of_turn import installed
from tests.observing import children
from tests.speech import job, pcm, said, single_utterances, word_error_rate
from voicegw.asr import end_of_turn, worker
from voicegw.asr.pipe import Answer, Done, Failed, Ready, Setup, frame, read_frame
from voicegw.asr.weights import BUNDLED, locate
from voicegw.asr.whisper_loader import spec_of
from voicegw.asr.whisper_options import WhisperOptions
from voicegw.core.jobs import DecodeKind, encode_jobs, text_of

OPTIONS = WhisperOptions(model=BUNDLED)
SETUP = frame(0, msgspec.msgpack.encode(Setup(spec_of(locate(BUNDLED), OPTIONS))))
HEARING_ENDS = spec_of(locate(BUNDLED), WhisperOptions(model=BUNDLED, end_of_turn=True))
LISTENING = frame(0, msgspec.msgpack.encode(Setup(HEARING_ENDS)))
LIMIT_S = 60


def answers_in(stream: IO[bytes]) -> Iterator[Answer]:
    while (answer := read_frame(stream)) is not None:
        yield msgspec.msgpack.decode(answer[1], type=Answer)


def serve(*requests: bytes) -> tuple[int, list[Answer]]:
    """What the worker's loop answers, in this process, and its exit status."""
    answers = BytesIO()
    status = worker.serve(BytesIO(b"".join(requests)), answers)
    answers.seek(0)
    return status, list(answers_in(answers))


@contextmanager
def process() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A worker process's input and output; it has to leave by itself once its input is closed."""
    command = [sys.executable, "-m", "voicegw.asr.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            yield running.stdin, running.stdout
            running.stdin.close()
            assert running.wait(LIMIT_S) == 0
        finally:
            running.kill()


def test_loads_decodes_and_leaves_when_its_input_closes() -> None:
    sample = single_utterances()[0]
    with process() as (requests, answers):
        requests.write(SETUP + frame(1, encode_jobs([job(pcm(sample), number=3), job(b"", number=4)])))
        requests.flush()
        received = answers_in(answers)
        assert isinstance(next(received), Ready)
        done = next(received)
    assert isinstance(done, Done)
    spoken, silent = done.results
    assert (spoken.session, spoken.number, silent.number) == ("s", 3, 4)
    assert word_error_rate(said(sample), text_of(spoken.words)) <= 0.5
    assert silent.words == ()


def test_gives_way_to_the_gateway() -> None:
    before, own = children(), os.getpriority(os.PRIO_PROCESS, 0)
    with process() as (requests, answers):
        requests.write(SETUP)
        requests.flush()
        assert isinstance(next(answers_in(answers)), Ready)
        [started] = children() - before
        assert os.getpriority(os.PRIO_PROCESS, started) == min(19, own + 10)


def test_leaves_at_once_when_nobody_sets_it_up() -> None:
    assert serve() == (0, [])


def test_a_model_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    setup = Setup(spec_of(tmp_path, OPTIONS))
    status, [answer] = serve(frame(0, msgspec.msgpack.encode(setup)))
    assert status == 1
    assert isinstance(answer, Failed)
    assert str(tmp_path) in answer.reason


def test_a_window_that_cannot_be_decoded_costs_itself_only() -> None:
    half_a_sample = b"\0\0\0"
    status, answers = serve(
        SETUP, frame(1, encode_jobs([job(half_a_sample)])), frame(1, encode_jobs([job(b"", number=2)]))
    )
    assert [type(answer) for answer in answers] == [Ready, Failed, Done]
    assert status == 0


def test_a_request_that_is_no_job_costs_itself_only() -> None:
    status, answers = serve(SETUP, frame(1, b"nonsense"), frame(1, encode_jobs([job(b"")])))
    assert [type(answer) for answer in answers] == [Ready, Failed, Done]
    assert status == 0


class _Listener:
    """An end-of-turn model that is surer the more audio it hears."""

    def probability(self, pcm: bytes) -> float:
        return len(pcm) / 100_000


def test_a_final_tells_how_likely_its_turn_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_of_turn, "load", _Listener)
    finals = encode_jobs([job(bytes(2000)), job(bytes(4000), number=2)])
    partial = encode_jobs([job(bytes(2000), kind=DecodeKind.PARTIAL)])
    _, [_, *answers] = serve(LISTENING, frame(1, finals), frame(2, partial))
    told = [[one.end_of_turn for one in each.results] for each in answers if isinstance(each, Done)]
    assert told == [[0.02, 0.04], [None]]


def test_without_that_model_it_does_not_tell() -> None:
    _, [_, done] = serve(SETUP, frame(1, encode_jobs([job(bytes(2000))])))
    assert isinstance(done, Done)
    assert done.results[0].end_of_turn is None


def test_a_model_that_is_missing_is_a_stated_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_of_turn, "_PACKAGE", "not_installed_at_all")
    status, [answer] = serve(LISTENING)
    assert status == 1
    assert isinstance(answer, Failed)
    assert "end-of-turn" in answer.reason


@installed
def test_the_real_model_tells_in_a_process() -> None:
    sample = single_utterances()[0]
    with process() as (requests, answers):
        requests.write(LISTENING + frame(1, encode_jobs([job(pcm(sample))])))
        requests.flush()
        [_, done] = [next(answers_in(answers)) for _ in range(2)]
    assert isinstance(done, Done)
    expected = end_of_turn.load().probability(pcm(sample))
    assert done.results[0].end_of_turn == pytest.approx(expected, abs=0.02)


def test_what_a_library_prints_does_not_reach_the_pipe() -> None:
    code = (
        "import os, sys; from voicegw.asr import worker;"
        "worker.serve = lambda requests, answers: os.write(1, b'noise') and answers.write(b'signal') and 0;"
        "sys.exit(worker.main())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LIMIT_S, check=True)
    assert (ran.stdout, ran.stderr) == (b"signal", b"noise")


def test_a_worker_gets_no_more_memory_than_it_may_have() -> None:
    setup = frame(0, msgspec.msgpack.encode(Setup(spec_of(locate(BUNDLED), OPTIONS), max_memory_mb=16)))
    command = [sys.executable, "-m", "voicegw.asr.worker"]
    ran = subprocess.run(command, input=setup, capture_output=True, timeout=LIMIT_S, check=False)
    assert ran.returncode != 0
    assert not [answer for answer in answers_in(BytesIO(ran.stdout)) if isinstance(answer, Ready)]


def test_enough_memory_is_enough() -> None:
    setup = frame(0, msgspec.msgpack.encode(Setup(spec_of(locate(BUNDLED), OPTIONS), max_memory_mb=4_096)))
    with process() as (requests, answers):
        requests.write(setup)
        requests.flush()
        assert isinstance(next(answers_in(answers)), Ready)
