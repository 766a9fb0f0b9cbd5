"""Functions of the application: their import by path, and the containment of what they raise."""

import asyncio
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from voicegw.errors import ConfigurationError


def import_function(path: str, owner: str) -> Callable[..., Any]:
    """The function at `package.module:function`. Raises ConfigurationError, whose message begins with
    `owner`, the part of the configuration that names the path."""
    module, _, name = path.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{owner}: there is no function {path}: {error}") from error
    except (Exception, SystemExit) as error:  # a module may raise anything, with a secret in its message
        reason = f"the import of {module} raised {type(error).__name__}"
        raise ConfigurationError(f"{owner}: {path} cannot be used: {reason}") from error
    if not callable(function):
        raise ConfigurationError(f"{owner}: {path} is not a function")
    result: Callable[..., Any] = function
    return result


@contextmanager
def exits_as_failures() -> Iterator[None]:
    """Turns two exceptions of the application's code into RuntimeError: SystemExit, which would end the
    server, and CancelledError when the task is not being cancelled, which would end the task."""
    try:
        yield
    except SystemExit:
        raise RuntimeError("the function called sys.exit") from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("the function raised CancelledError by itself") from None
