"""The tables of options in `scripts/deploy`: all of them in options.md, the limits in limits.md, and those of
turns in assistant.md."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from voicegw.cluster.jobs.kept_audio import KEPT_AUDIO_S, KEPT_S
from voicegw.config import Settings, WorkerSettings, WyomingSettings
from voicegw.core.audio import LONGEST_CREDIT_MS
from voicegw.core.sentences import MAX_CHARACTERS
from voicegw.dialects.native.client_messages import ConfigureMessage
from voicegw.dialects.native.dialect import NativeDialect
from voicegw.dialects.openai_realtime.dialect import RealtimeDialect
from voicegw.dialects.vosk.dialect import VoskDialect
from voicegw.gateway.http.limited_connection import CLOSE_S, FRAMES_PER_S
from voicegw.gateway.http.plain_http import MAX_REQUEST_BYTES
from voicegw.gateway.rest.http_exchange import CHUNK_BYTES, FREE_CHUNKS
from voicegw.gateway.session.frame_receiver import RELAYED_BYTES, TURN_FRAMES
from voicegw.gateway.session.outbox import MAX_AUDIO_MS
from voicegw.reply.voice.sentence_voice import MAX_SENTENCE_S
from voicegw.settings_loader import Option, options_of

COMMANDS = {"voicegw serve": Settings, "voicegw worker": WorkerSettings, "voicegw wyoming": WyomingSettings}
OPTIONS = {option.name: option for kind in COMMANDS.values() for option in options_of(kind)}

LIMITS = (
    "gateway.admission",
    "gateway.connection",
    "gateway.handshake",
    "gateway.resume",
    "gateway.drain_timeout_ms",
    *("gateway.rest.max_upload_mb", "gateway.rest.at_once", "gateway.rest.at_once_per_user"),
    *("gateway.rest.head_timeout_ms", "gateway.rest.upload_timeout_ms"),
    *("recordings.max_minutes", "recordings.max_memory_mb", "recordings.stall_ms"),
    *("tokens.max_ttl_s", "tokens.session_ttl_s"),
    "limits",
    *("session.max_burst_ms", "session.endpoint.max_utterance_ms", "session.endpoint.stall_ms"),
    *("session.dialogue.history_characters", "session.speech.lead_ms"),
    *("pool.overload_wait_ms", "pool.shed_wait_ms", "pool.decode_timeout_ms", "pool.job_timeout_ms"),
    *("pool.max_attempts", "pool.max_memory_mb"),
    *("llm.connect_timeout_ms", "llm.first_token_timeout_ms", "llm.next_token_timeout_ms"),
    *("llm.total_timeout_ms", "llm.max_tokens"),
    *("failover.retries", "failover.breaker"),
    *("voice.connect_timeout_ms", "voice.first_audio_timeout_ms", "voice.total_timeout_ms"),
    *("voice.max_processes", "voice.threads", "voice.max_waiting"),
    *("tools.mcp_timeout_ms", "tools.timeout_ms", "tools.background_timeout_ms", "tools.max_result_bytes"),
    *("tools.max_rounds", "tools.max_calls", "tools.max_background", "tools.background_at_once"),
    *("background_calls.max_waiting", "background_calls.max_per_user", "background_calls.give_up_ms"),
    *("moderation.timeout_ms", "remote.job_timeout_ms", "remote.away_ms"),
    *("consumer.lease_ms", "consumer.max_deliveries", "consumer.kept_audio_mb", "consumer.drain_timeout_ms"),
    *("tool_worker.at_once", "tool_worker.lease_ms", "tool_worker.drain_timeout_ms"),
    *("wyoming.max_connections", "wyoming.idle_timeout_ms"),
    *("wyoming.send_timeout_ms", "wyoming.transcript_timeout_ms"),
)
"""Options that limit something, and sections with nothing else."""

TURNS = ("session.endpoint", "session.reply")
UNITS = {
    "ms": ((3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")),
    "s": ((3_600, "h"), (60, "min"), (1, "s")),
    "bytes": ((1_000_000, "MB"), (1_000, "kB"), (1, "bytes")),
    "mb": ((1, "MB"),),
    "minutes": ((1, "min"),),
}


def option_tables() -> str:
    """All options in Markdown, a heading and a table for each section."""
    return "\n\n".join(_sections())


def _sections() -> Iterator[str]:
    for section, found in groupby(OPTIONS.values(), key=lambda option: option.section):
        options = tuple(found)
        commands = [name for name, kind in COMMANDS.items() if options[0] in options_of(kind)]
        about = " ".join((options[0].owner.__doc__ or "").split())
        lines = [
            f"| `{each.name}` | {_code(each.default)} | {_values(each)} | {each.description} |"
            for each in options
        ]
        head = [f"## {section}", "", f"{about} Options of {' and '.join(map(_code, commands))}.", ""]
        yield "\n".join([*head, "| option | default | values | what it is |", "|---|---|---|---|", *lines])


def limits_table() -> str:
    """The options that limit something, in Markdown."""
    lines = [f"| `{each.name}` | {_in_units(each)} | {each.description} |" for each in _chosen(LIMITS)]
    return "\n".join(["| option | default | what it limits |", "|---|---|---|", *lines])


def fixed_limits_table() -> str:
    """The limits that no option changes, in Markdown."""
    lines = [f"| {what} | {value} |" for what, value in _fixed_limits()]
    return "\n".join(["| fixed limit | value |", "|---|---|", *lines])


def _fixed_limits() -> Iterator[tuple[str, str]]:
    yield "one message of a client", _kib(NativeDialect.max_message_bytes)
    yield "the same at `/v1/realtime`", _kib(RealtimeDialect.max_message_bytes)
    yield "audio in one message at `/vosk`", _kib(VoskDialect.max_message_bytes)
    yield "audio that a lost connection held back and that may come at once", _amount(LONGEST_CREDIT_MS, "ms")
    yield (
        "frames of one client; further ones wait in the network",
        f"{FRAMES_PER_S} a second, {FRAMES_PER_S} at once",
    )
    yield "typed messages, which cost as many frames more", f"{TURN_FRAMES} frames"
    yield "answers at `/v1/realtime`, which cost a frame more for each", _kib(RELAYED_BYTES)
    yield "an HTTP request with its headers; longer ones get 431", _kib(MAX_REQUEST_BYTES)
    yield (
        "chunks in the body of a REST request; more get 400",
        f"{FREE_CHUNKS:,}, and one for every {CHUNK_BYTES} bytes",
    )
    yield "a closing handshake; then the connection is aborted", _amount(CLOSE_S, "s")
    yield (
        "reply audio that waits to be read by its client; then the oldest is dropped",
        _amount(MAX_AUDIO_MS, "ms"),
    )
    yield "audio that a worker keeps of a session", _amount(round(1000 * KEPT_AUDIO_S), "ms")
    yield "the same after the last job of the session", _amount(round(1000 * KEPT_S), "ms")
    yield "one sentence for the voice", f"{MAX_CHARACTERS} characters"
    yield "the audio of one sentence", _amount(MAX_SENTENCE_S, "s")


def turns_table() -> str:
    """The options of turns in Markdown, and which of them a session can set for itself."""
    configurable = set(ConfigureMessage.__struct_fields__)
    lines = []
    for each in _chosen(TURNS):
        field = each.name.rpartition(".")[2]
        own = f"`{field}`" if field in configurable else ""
        lines.append(f"| `{each.name}` | {_code(each.default)} | {own} | {each.description} |")
    return "\n".join(["| option | default | in `configure` | what it is |", "|---|---|---|---|", *lines])


def _chosen(names: Iterable[str]) -> Iterator[Option]:
    """The options of these names, and those of these sections with the ones below."""
    for name in names:
        found = [each for each in OPTIONS.values() if each.name == name or each.name.startswith(f"{name}.")]
        assert found, f"there is no option {name}"
        yield from found


def _values(option: Option) -> str:
    return option.bounds or ", ".join(map(_code, option.choices))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _in_units(option: Option) -> str:
    """The default with its unit, which ends the name of an option."""
    unit = "" if "_per_" in option.name else option.name.rpartition("_")[2]
    if not option.default.isdigit():
        return option.default or "none"
    return _amount(int(option.default), unit) if unit in UNITS else f"{int(option.default):,}"


def _amount(value: float, unit: str) -> str:
    """A value in the largest unit of which it is a multiple."""
    factor, larger = next(each for each in UNITS[unit] if value % each[0] == 0)
    return f"{value / factor:,.0f} {larger}"


def _kib(size_bytes: int) -> str:
    return f"{size_bytes // 1024} KiB"
