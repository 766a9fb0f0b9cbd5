"""`voicegw wyoming`: serves Home Assistant's protocol in front of a gateway."""

import asyncio
import importlib.util
from collections.abc import Sequence

import structlog

from voicegw import config
from voicegw.assistant import make_voice
from voicegw.commands.process import announce, on_signals
from voicegw.errors import ConfigurationError
from voicegw.gateway.auth.client_address import is_loopback
from voicegw.log_configuration import configure_logging

log = structlog.get_logger(__name__)


def run(arguments: Sequence[str]) -> None:
    """Serves until SIGTERM or SIGINT. Raises StartupError."""
    settings = config.load_wyoming(arguments)
    if importlib.util.find_spec("wyoming") is None:
        raise ConfigurationError("this command needs the package wyoming: pip install 'voicegw[wyoming]'")
    configure_logging(settings.log.level, as_json=settings.log.as_json)
    asyncio.run(_serve(settings))


async def _serve(settings: config.WyomingSettings) -> None:
    from voicegw.wyoming.server import WyomingServer  # needs the package wyoming

    stopping, _ = on_signals()
    if not is_loopback(settings.wyoming.host):
        log.warning("whoever reaches this port is served: the protocol has no tokens and no encryption")
    voice = make_voice(settings.voice)
    server = WyomingServer(settings.wyoming, voice)
    try:
        announce(f"listening on {await server.start()}")
        await stopping.wait()
    finally:
        await server.stop()
        if voice is not None:
            await voice.close()
