"""The layout of decodes: the real model where it is measured, given costs where the choice is tried."""

from collections.abc import Callable

import pytest

from tests.asr import toy_engine
from tests.asr.toy_engine import ToyEngine
from tests.speech import job, pcm, single_utterances
from voicegw.asr import calibration
from voicegw.asr.calibration import load, measure
from voicegw.asr.pipe import Layout, Setup
from voicegw.asr.weights import BUNDLED, locate
from voicegw.asr.whisper_loader import spec_of
from voicegw.asr.whisper_options import WhisperOptions

OPTIONS = WhisperOptions(model=BUNDLED)
SETUP = Setup(spec_of(locate(BUNDLED), OPTIONS), cores=2, slow_decode_ms=60_000)


def test_a_fast_model_decodes_once_a_core() -> None:
    engine, layout = load(SETUP)
    assert (layout.threads, layout.at_once) == (1, 2)
    assert layout.single_ms > 0
    assert 1 <= layout.batch <= OPTIONS.max_batch
    [result] = engine.decode([job(pcm(single_utterances()[0]))])
    assert result.words


def test_what_was_asked_for_is_not_measured_again() -> None:
    options = WhisperOptions(model=BUNDLED, threads=2)
    _, layout = load(Setup(spec_of(locate(BUNDLED), options), cores=8, at_once=3, slow_decode_ms=1))
    assert (layout.threads, layout.at_once) == (2, 3)


def test_a_layout_that_is_known_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "measure", lambda *_: pytest.fail("it is known"))
    known = Layout(12.5, threads=1, at_once=2, batch=4)
    engine, layout = load(Setup(spec_of(locate(BUNDLED), OPTIONS), layout=known))
    assert layout == known
    [result] = engine.decode([job(pcm(single_utterances()[0]))])
    assert result.words


@pytest.mark.parametrize(
    ("cores", "costs_ms", "expected"),
    [
        (4, {1: 100.0}, (1, 4)),
        (4, {1: 300.0, 4: 100.0}, (4, 1)),
        (4, {1: 300.0, 4: 280.0}, (1, 4)),
        (32, {1: 300.0, 4: 100.0}, (4, 8)),
        (32, {1: 100.0}, (1, 8)),
        (1, {1: 300.0}, (1, 1)),
    ],
)
def test_a_slow_model_gets_more_threads_if_they_make_it_faster(
    cores: int,
    costs_ms: dict[int, float],
    expected: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cost(engine: ToyEngine, _: int) -> tuple[float, int]:
        return costs_ms[engine.layout[0]], 1

    monkeypatch.setattr(calibration, "measure", cost)
    engine, layout = load(Setup(toy_engine.spec(), cores=cores, slow_decode_ms=250))
    assert isinstance(engine, ToyEngine)
    assert engine.layout == (layout.threads, layout.at_once) == expected
    assert engine.warmed == layout.at_once


@pytest.mark.parametrize(
    ("each_ms", "batch"),
    [(lambda size: 10.0, 1), (lambda size: 10 / size, 8), (lambda size: 10.0 if size < 4 else 1.0, 1)],
)
def test_a_batch_is_as_large_as_it_pays(
    each_ms: Callable[[int], float], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "_cost_ms", lambda _, size: size * each_ms(size))
    engine = toy_engine.spec().load(threads=1, at_once=1)
    assert measure(engine, max_batch=8) == (10.0, batch)


def test_on_cores_of_their_own_jobs_do_not_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "measure_gathering", lambda *_: pytest.fail("it is not measured"))
    assert load(SETUP)[1].gather_ms == 0
    assert not SETUP.engine.shares_device
    assert spec_of(locate(BUNDLED), WhisperOptions(model=BUNDLED, device="cuda")).shares_device
