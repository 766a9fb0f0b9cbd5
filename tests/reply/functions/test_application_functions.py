"""The import of functions, and exits in them."""

import asyncio
import sys
from pathlib import Path

import pytest

from voicegw.errors import ConfigurationError
from voicegw.reply.functions.application_functions import exits_as_failures, import_function


def test_sys_exit_becomes_a_failure_without_its_text() -> None:
    with pytest.raises(RuntimeError) as failed, exits_as_failures():
        sys.exit("the password is hunter2")
    assert str(failed.value) == "the function called sys.exit"


async def test_a_cancelled_error_without_a_cancellation_becomes_a_failure() -> None:
    with pytest.raises(RuntimeError) as failed, exits_as_failures():
        raise asyncio.CancelledError("hunter2")
    assert "hunter2" not in str(failed.value)


def test_other_exceptions_pass() -> None:
    with pytest.raises(KeyError), exits_as_failures():
        raise KeyError("city")


async def test_a_cancellation_of_the_task_passes() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        with exits_as_failures():
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("tests.reply.application_functions:nothing", "there is no function"),
        ("tests.no_module:add", "there is no function"),
        ("", "there is no function"),
        ("tests.reply.application_functions:NOT_A_FUNCTION", "is not a function"),
    ],
)
def test_a_path_to_no_function_is_refused(path: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^tool it: .*{reason}"):
        import_function(path, "tool it")


@pytest.mark.parametrize("raised", [KeyError("hunter2"), SystemExit("hunter2")])
def test_what_a_module_raises_at_its_import_is_named_without_its_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, raised: BaseException
) -> None:
    (tmp_path / "failing_tools.py").write_text(f"raise {raised!r}")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match=f"^tool it: .*{type(raised).__name__}") as refused:
        import_function("failing_tools:add", "tool it")
    assert "hunter2" not in refused.value.message
