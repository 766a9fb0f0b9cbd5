"""The options of the Wyoming server."""

from dataclasses import dataclass

from voicegw.core.options import option


@dataclass(frozen=True, slots=True)
class WyomingOptions:
    """Where the server listens, and the gateway that recognises for it."""

    host: str = option("127.0.0.1", "address to listen on; the protocol has no tokens and no encryption")
    port: int = option(10_300, "TCP port to listen on; 0 for a free one", ge=0, le=65_535)
    url: str = option("ws://127.0.0.1:8765/v1/stream", "URL of the gateway that recognises")
    token: str | None = option(None, "token for the gateway; without one, none is sent", secret=True)
    languages: tuple[str, ...] = option(
        ("en",),
        "ISO 639-1 codes of the languages that clients may choose; the first one is spoken by default",
    )
    max_connections: int = option(32, "open connections; further ones are closed at once", ge=1, le=1_000)
    idle_timeout_ms: int = option(60_000, "time a client may send nothing", ge=100)
    send_timeout_ms: int = option(10_000, "time a client may take to read one event", ge=100)
    transcript_timeout_ms: int = option(30_000, "longest wait from the end of the audio to its text", ge=100)
