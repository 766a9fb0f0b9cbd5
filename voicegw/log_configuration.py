"""The configuration of the log of a process."""

import atexit
import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import Processor

from voicegw.log_writer import LogWriter

log = structlog.get_logger(__name__)

_DRAIN_S = 1.0  # longest wait for the log at the end of the process

_writer = LogWriter(2, lambda count: log.error("log lines dropped", lines=count))
atexit.register(_writer.stop, _DRAIN_S)


def dropped_lines() -> float:
    """The number of lines that were dropped because standard error blocked."""
    return _writer.dropped


def drain_log() -> bool:
    """Waits up to a second for the log to be written; returns whether it was."""
    return _writer.drain(_DRAIN_S)


def configure_logging(level: str, *, as_json: bool) -> None:
    """Writes the log to standard error: one line for each event, as text or as JSON. Warnings that libraries
    write with the module `logging` are included."""
    for library in ("openai", "httpx2", "httpcore2"):  # at lower levels they log what users said
        logging.getLogger(library).setLevel(logging.WARNING)
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _writer)),
    )
    handler = logging.StreamHandler(_writer)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, renderer])
    )
    logging.basicConfig(handlers=[handler])  # no effect if there is already a handler
