"""Constructs the REST API of a gateway."""

from collections.abc import Callable

from voicegw.core.endpoint import EndpointOptions, SpeechScorer
from voicegw.gateway.http.entry_checks import EntryChecks
from voicegw.gateway.http.refusal_log import RefusalLog
from voicegw.gateway.rest.recordings import Recordings, RestOptions
from voicegw.gateway.rest.rest_handler import RestHandler
from voicegw.gateway.rest.rest_server import RestServer
from voicegw.gateway.rest.transcriber import Transcriber


def new_rest_server(
    options: RestOptions,
    prefix: str,
    checks: EntryChecks,
    refusals: RefusalLog,
    new_scorer: Callable[[], SpeechScorer],
    endpoint: EndpointOptions,
) -> RestServer | None:
    """The REST API with these parts; None where it is not enabled. prefix: of all paths."""
    services = checks.services
    if services.recordings is None or not options.enabled:
        return None
    transcriber = Transcriber(services.recordings, services.transcription, new_scorer, endpoint)
    recordings = Recordings(options, transcriber, checks.access.limits, services.metrics)
    handler = RestHandler(checks, refusals, recordings, prefix)
    return RestServer(handler, prefix, options.head_timeout_ms / 1000)
