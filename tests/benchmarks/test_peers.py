"""The comparison's pure parts, with messages as the servers write them."""

import json
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from benchmarks.peers.dialect import Dialect
from benchmarks.peers.peer import Peer, Setup
from benchmarks.peers.playing import PlayedSession, Refused, play
from benchmarks.peers.realtimestt import REALTIMESTT, RealtimeSTTDialect
from benchmarks.peers.rounds import Candidate, absolute, ratios, run_rounds
from benchmarks.peers.run_figures import Run, figures, holds, measure
from benchmarks.peers.tables import print_tables
from benchmarks.peers.voicegw import VOICEGW, VoicegwDialect
from benchmarks.peers.whisperlive import WHISPERLIVE, WhisperLiveDialect
from benchmarks.peers.whisperlivekit import WHISPERLIVEKIT, WhisperLiveKitDialect
from benchmarks.recording import Update
from benchmarks.tracks import Track
from clients.samples import SpokenWord, Utterance
from voicegw.core.audio import to_samples

# --- dialects --------------------------------------------------------------------------------------------


def read(dialect: Dialect, *messages: dict[str, Any]) -> dict[int, list[Update]]:
    """What the dialect makes of messages that arrive at seconds 1, 2, 3..."""
    for second, message in enumerate(messages, start=1):
        dialect.receive(float(second), json.dumps(message))
    return dialect.parts


def test_voicegw_finishes_a_turn_with_its_final() -> None:
    parts = read(
        dialect := VoicegwDialect(),
        {"type": "ready", "seq": 1, "session": "s"},
        {"type": "partial", "seq": 2, "turn": 1, "stable": "set the", "tentative": "light", "audio_ms": 1},
        {"type": "final", "seq": 3, "turn": 1, "text": "set the lights", "words": []},
        {"type": "partial", "seq": 4, "turn": 2, "stable": "", "tentative": "now", "audio_ms": 9},
    )
    assert dialect.is_ready
    assert parts[1] == [Update(2.0, "", "set the light"), Update(3.0, "set the lights")]
    assert parts[2] == [Update(4.0, "", "now")]


def test_voicegw_tells_its_errors() -> None:
    read(dialect := VoicegwDialect(), {"type": "error", "code": "odd", "message": "", "retryable": False})
    assert dialect.problems == ["odd"]


def segment(start: float, end: float, text: str, completed: bool) -> dict[str, Any]:
    return {"start": f"{start:.3f}", "end": f"{end:.3f}", "text": text, "completed": completed}


def test_whisperlive_sends_completed_segments_again() -> None:
    parts = read(
        dialect := WhisperLiveDialect(),
        {"uid": "benchmark", "message": "SERVER_READY", "backend": "faster_whisper"},
        {"uid": "benchmark", "segments": [segment(0, 1, " set the", False)]},
        {"uid": "benchmark", "segments": [segment(0, 1, " set the", True), segment(1, 2, " lights", False)]},
        {"uid": "benchmark", "segments": [segment(0, 1, " set the", True), segment(1, 2, " lights", True)]},
    )
    assert dialect.is_ready
    assert parts == {
        0: [Update(2.0, "", "set the"), Update(3.0, "set the", "lights"), Update(4.0, "set the lights")]
    }


def test_whisperlive_is_full() -> None:
    read(dialect := WhisperLiveDialect(), {"uid": "benchmark", "status": "WAIT", "message": 4.9})
    assert dialect.problems == ["WAIT: 4.9"]
    assert not dialect.is_ready


def lines(*texts: str | None, buffer: str = "") -> dict[str, Any]:
    """A None is a line of silence."""
    return {
        "status": "active_transcription",
        "lines": [{"speaker": -2 if text is None else 1, "text": text} for text in texts],
        "buffer_transcription": buffer,
    }


def test_whisperlivekit_commits_lines_between_silences() -> None:
    parts = read(
        dialect := WhisperLiveKitDialect(),
        {"type": "config", "useAudioWorklet": True, "mode": "full"},
        lines(buffer=" set the"),
        lines(" set the", buffer=" lights"),
        lines(" set the", buffer=" lights"),
        lines(" set the lights", None, " now"),
        {"type": "ready_to_stop"},
    )
    assert dialect.is_ready
    assert dialect.is_over
    assert parts == {
        0: [Update(2.0, "", "set the"), Update(3.0, "set the", "lights"), Update(5.0, "set the lights now")]
    }


def test_realtimestt_finishes_a_segment_with_its_final() -> None:
    parts = read(
        dialect := RealtimeSTTDialect(),
        {"type": "hello", "sessionId": "s"},
        {"type": "ready", "sessionId": "s", "ok": True},
        {"type": "realtime", "sessionId": "s", "segmentId": 1, "text": "set the"},
        {"type": "timeline", "event": "recording_stopped"},
        {"type": "final", "sessionId": "s", "segmentId": 1, "text": "Set the lights."},
        {"type": "warning", "sessionId": "s", "message": "late"},
    )
    assert dialect.is_ready
    assert parts == {1: [Update(3.0, "", "set the"), Update(5.0, "Set the lights.")]}
    assert dialect.problems == ["late"]


def test_realtimestt_takes_audio_behind_a_description() -> None:
    packet = RealtimeSTTDialect().frame(b"\1\0" * 320)
    length = int.from_bytes(packet[:4], "little")
    assert json.loads(packet[4 : 4 + length])["frames"] == 320
    assert packet[4 + length :] == b"\1\0" * 320


@pytest.mark.parametrize("peer", [VOICEGW, WHISPERLIVE, WHISPERLIVEKIT, REALTIMESTT])
def test_every_server_is_told_its_port_and_the_model(peer: Peer) -> None:
    model, checkout = Path("/models/small"), Path("/sources")
    setup = Setup(Path("/x/bin/python"), Path("/x"), 4321, model, "cpu", 3, 500, checkout=checkout)
    command = [*peer.command(setup)]
    assert "4321" in command
    assert str(model) in command
    assert "cuda" not in command


# --- playing ---------------------------------------------------------------------------------------------


async def obliging(socket: ServerConnection) -> None:
    """Hears a session out and answers it with one final."""
    await socket.send(json.dumps({"type": "ready"}))
    async for message in socket:
        if isinstance(message, str):
            await socket.send(json.dumps({"type": "final", "turn": 1, "text": "set lights now"}))
            return


async def full(socket: ServerConnection) -> None:
    await socket.send(json.dumps({"type": "error", "code": "no_capacity"}))


def url_of(server: Server) -> str:
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_every_track_is_played_and_heard() -> None:
    short = Track(bytes(2 * to_samples(60)), ())
    async with serve(obliging, "127.0.0.1", 0) as server:
        sessions = await play(url_of(server), VoicegwDialect, [short, short])
    assert [session.parts[0][0].stable for session in sessions] == ["set lights now"] * 2
    assert sessions[1].begin_s > sessions[0].begin_s


async def test_a_refusal_is_told_in_the_server_s_words() -> None:
    async with serve(full, "127.0.0.1", 0) as server:
        with pytest.raises(Refused, match="no_capacity"):
            await play(url_of(server), VoicegwDialect, [Track(b"", ())])


# --- measures --------------------------------------------------------------------------------------------


def utterance(start_ms: int, end_ms: int, *words: SpokenWord) -> Utterance:
    return Utterance("", start_ms, end_ms, words)


SAID = (
    utterance(400, 1200, SpokenWord("Set", 400, 700), SpokenWord("lights.", 800, 1200)),
    utterance(3000, 3400, SpokenWord("Now!", 3000, 3400)),
)


def heard(*parts: tuple[Update, ...], problems: tuple[str, ...] = ()) -> PlayedSession:
    """A session that began at second 10."""
    return PlayedSession(Track(bytes(2 * to_samples(4000)), SAID), 10.0, 0.001, parts, problems)


RUNNING = heard(
    (
        Update(10.8, "", "let"),
        Update(11.0, "", "set light"),
        Update(11.3, "", "set lights"),
        Update(12.0, "set lights"),
        Update(13.5, "set lights", "now"),
    )
)


def test_words_and_utterances_of_a_running_text() -> None:
    measured = measure(RUNNING)
    assert measured.words_ms == pytest.approx((300, 100, 100))
    assert measured.finished_ms == pytest.approx((800,))
    assert measured.unfinished == 1
    assert (measured.errors.percent, measured.unstable, measured.final_words) == (0, 2, 3)


def test_parts_are_judged_by_their_own_positions() -> None:
    late = heard((Update(11.0, "", "set"), Update(14.0, "set lights")), (Update(13.5, "", "now"),))
    assert measure(late).words_ms == pytest.approx((300, 2800, 100))


def test_the_warm_up_counts_for_the_errors_only() -> None:
    measured = measure(RUNNING, warm_up_ms=2000)
    assert measured.words_ms == pytest.approx((100,))
    assert measured.finished_ms == ()
    assert measured.errors.reference == 3


def test_nothing_heard_is_all_wrong() -> None:
    found = figures([Run((heard(),), cpu_s=1.0, warm_up_ms=0)])
    assert math.isnan(found["wel_p95_ms"])
    assert (found["wer_percent"], found["coverage_percent"], found["unfinished"]) == (100, 0, 2)
    assert not holds(found, {"coverage_percent": 100})


def test_figures_are_pooled_over_sessions_and_runs() -> None:
    run = Run((RUNNING, RUNNING), cpu_s=2.0, warm_up_ms=0, end_silence_ms=500)
    found = figures([run, run])
    assert found["wel_p50_ms"] == pytest.approx(100)
    assert found["excess_fl_p50_ms"] == pytest.approx(300)
    assert found["cpu_s_per_audio_s"] == pytest.approx(4 / 16)
    assert holds(found, found)


@pytest.mark.parametrize("change", [{"wel_p95_ms": 1001}, {"coverage_percent": 80}, {"troubles": 1}])
def test_what_breaks_the_objective(change: dict[str, float]) -> None:
    kept = figures([Run((RUNNING,), cpu_s=1.0, warm_up_ms=0)])
    assert not holds({**kept, **change}, kept)


# --- the order of the runs -------------------------------------------------------------------------------

OTHER = "realtimestt"


def runner(capacity: dict[str, int], turns: list[tuple[str, int]]) -> Callable[[Peer, int], Awaitable[Run]]:
    """Servers that are late beyond their capacity, and cannot be run at all when that is 0."""

    async def run(peer: Peer, streams: int) -> Run:
        turns.append((peer.name, streams))
        if capacity[peer.name] == 0:
            raise Refused("no such luck\na long log\nits last line")
        late_s = 0.0 if streams <= capacity[peer.name] else 2.0
        session = heard((Update(11.3 + late_s, "set lights now"),))
        return Run((session,) * streams, cpu_s=float(streams), warm_up_ms=0, end_silence_ms=500)

    return run


async def contest(ours: int, theirs: int) -> tuple[list[Candidate], list[tuple[str, int]]]:
    turns: list[tuple[str, int]] = []
    both = [Candidate(VOICEGW), Candidate(REALTIMESTT)]
    await run_rounds(both, runner({"voicegw": ours, OTHER: theirs}, turns), [1, 2, 4], repeats=2, runs=1)
    return both, turns


async def test_servers_take_turns_and_leave_when_they_are_late() -> None:
    both, turns = await contest(ours=4, theirs=1)
    assert turns == [*[("voicegw", 1), (OTHER, 1)] * 2, ("voicegw", 2), (OTHER, 2), ("voicegw", 4)]
    assert [one.streams_at_slo for one in both] == [4, 1]
    assert ratios(both)[f"streams_ratio_{OTHER}"] == 4
    assert absolute(both)[f"wel_p95_ms_at_2_{OTHER}"] > 1000


async def test_a_peer_that_cannot_run_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    both, turns = await contest(ours=2, theirs=0)
    assert turns == [("voicegw", 1), (OTHER, 1), ("voicegw", 1), ("voicegw", 2), ("voicegw", 4)]
    assert both[1].summary == {}
    assert all(math.isnan(value) for value in ratios(both).values())
    print_tables(both, {"seconds": 1})
    assert "gave up with 1 streams: no such luck: its last line" in " ".join(capsys.readouterr().out.split())
