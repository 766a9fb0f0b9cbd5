"""Where options are read from, and how they are described, on options of the tests' own."""

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest

from voicegw.core.options import option
from voicegw.errors import ConfigurationError
from voicegw.settings_loader import Command, load


class Colour(StrEnum):
    """Names unlike the values."""

    DARK_RED = "red"
    SKY_BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Paint:
    """What it is painted with."""

    colour: Colour = option(Colour.DARK_RED, "which one")
    coats: int = option(2, "how many", ge=1, le=5)
    litres: float = option(0.5, "how much", ge=0)
    dilution: float = option(0.0, "water in it", le=1)
    layers: tuple[str, ...] = option(("base", "top"), "their names")
    stains: tuple[str, ...] = option((), "what is left out")
    brush: str | None = option(None, "what with")
    gloss: bool = option(False, "whether it shines")


@dataclass(frozen=True, slots=True)
class House:
    """A section."""

    paint: Paint = field(default_factory=Paint)


COMMAND = Command("house", "Paints.", {"paint.coats": "coats"}, {"paint", "roof"}, usual={"paint.gloss"})


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("VOICEGW_"):
            monkeypatch.delenv(name)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "house.toml"


def paint(*arguments: str) -> Paint:
    return load(House, COMMAND, arguments).paint


def refusal(*arguments: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        paint(*arguments)
    assert "\n" not in refused.value.message
    return refused.value.message


def help_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flag: str = "--help-all"
) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        paint(flag)
    assert ended.value.code == 0
    # from Python 3.13 on only the last name has the kind of value
    return " ".join(capsys.readouterr().out.split()).replace("--coats int, ", "--coats, ")


def test_a_choice_is_written_by_its_value_everywhere(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text('[paint]\ncolour = "blue"\n')
    from_file = paint("--config", str(toml)).colour
    monkeypatch.setenv("VOICEGW_PAINT__COLOUR", "blue")
    assert {from_file, paint().colour} == {Colour.SKY_BLUE}
    assert paint("--paint.colour", "red").colour is Colour.DARK_RED
    assert refusal("--paint.colour", "SKY_BLUE") == "paint.colour: must be one of red, blue"


def test_the_file_adds_to_what_flags_and_variables_say(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text("[paint]\ncoats = 3\nlitres = 3.0\ngloss = true\n")
    monkeypatch.setenv("VOICEGW_PAINT__LITRES", "4")
    assert paint("--config", str(toml), "--coats", "5") == Paint(coats=5, litres=4.0, gloss=True)


@pytest.mark.parametrize(
    "said",
    [
        "usage: house [--config FILE] [--OPTION VALUE ...] Paints. options:",
        "--config FILE TOML file with options (or VOICEGW_CONFIG)",
        "--paint.colour {red,blue} which one (default: red)",
        "--coats, --paint.coats int how many; 1 to 5 (default: 2)",
        "--paint.litres float how much; 0 or more (default: 0.5)",
        "--paint.dilution float water in it; up to 1 (default: 0.0)",
        "--paint.layers LIST their names (default: base, top)",
        "--paint.stains LIST what is left out --paint.brush str what with --paint.gloss",
        "whether it shines (default: false)",
    ],
)
def test_help_says_what_an_option_takes(
    said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said in help_text(capsys, monkeypatch)


def test_the_short_help_lists_the_usual_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = help_text(capsys, monkeypatch, "--help")
    assert "--coats, --paint.coats int how many" in text
    assert "--paint.gloss" in text
    assert "--paint.litres" not in text
    assert "--help-all lists all 8 options" in text


def test_an_unknown_flag_names_a_similar_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        paint("--paint.liters=3")
    assert ended.value.code == 2
    assert "--paint.liters=3; did you mean --paint.litres?" in capsys.readouterr().err


def test_an_unknown_variable_names_a_similar_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_PAINT__LITERS", "3")
    assert refusal().endswith("there is no option of this name; did you mean VOICEGW_PAINT__LITRES?")


def test_an_unknown_entry_names_a_similar_one(toml: Path) -> None:
    toml.write_text("[paint]\nliters = 3\n")
    assert refusal("--config", str(toml)).endswith(
        "there is no option paint.liters; did you mean paint.litres?"
    )


def test_a_mistyped_flag_is_answered_in_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        paint("--paint.coat", "1")
    usage, error = capsys.readouterr().err.splitlines()
    assert usage.startswith("usage: house [--config FILE]")
    assert error.startswith("house: error: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[pain]\ncoats = 1\n", "there is no option pain"),
        ("[paint]\ncoat = 1\n", "there is no option paint.coat"),
        ("[paint]\ncoats = 9\n", "paint.coats: must be a whole number, 1 to 5"),
        ("[paint]\ncoats = 'two'\n", "paint.coats: must be a whole number, 1 to 5"),
        ("paint = 1\n", "paint: must be a table"),
        ("a b\n", "Expected '='"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_its_name(content: str, said: str, toml: Path) -> None:
    toml.write_text(content)
    assert refusal("--config", str(toml)).startswith(f"{toml}: {said}")


def test_what_is_wrong_is_looked_for_where_it_came_from(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text("[paint]\ncoats = 9\n")
    monkeypatch.setenv("VOICEGW_PAINT__COATS", "8")
    assert refusal("--config", str(toml)).startswith(
        "VOICEGW_PAINT__COATS: paint.coats: must be a whole number"
    )
    assert refusal("--config", str(toml), "--coats", "7").startswith("paint.coats: must be a whole number")


def test_other_commands_sections_are_left_alone(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text("[roof]\ntiles = 9\n")
    monkeypatch.setenv("VOICEGW_ROOF__TILES", "9")
    monkeypatch.setenv("VOICEGW_CONFIG", str(toml))
    assert paint() == Paint()


@pytest.mark.parametrize(
    ("name", "value"), [("VOICEGW_PAIN__COATS", "1"), ("VOICEGW_COATS", "1"), ("VOICEGW_PORT", "9")]
)
def test_a_variable_that_no_command_reads_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert refusal().startswith(f"{name}: there is no option of this name")


def test_what_kubernetes_says_of_a_service_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    service = {
        "VOICEGW_SERVICE_HOST": "10.0.0.1",
        "VOICEGW_SERVICE_PORT": "80",
        "VOICEGW_SERVICE_PORT_HTTP": "80",
        "VOICEGW_PORT": "tcp://10.0.0.1:80",
        "VOICEGW_PORT_80_TCP": "tcp://10.0.0.1:80",
        "VOICEGW_PORT_80_TCP_PROTO": "tcp",
        "VOICEGW_GATEWAY_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    for name, value in service.items():
        monkeypatch.setenv(name, value)
    assert paint() == Paint()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--paint.litres", "nan"], "paint.litres: must be a number, 0 or more"),
        (["--paint.dilution", "2"], "paint.dilution: must be a number, up to 1"),
        (["--coats", "2.5"], "paint.coats: must be a whole number, 1 to 5"),
    ],
)
def test_an_error_says_what_an_option_takes(arguments: list[str], said: str) -> None:
    assert refusal(*arguments) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("brush = 7", "paint.brush: must be text"),
        ("gloss = 'hunter2'", "paint.gloss: must be true or false"),
        ("layers = 7", "paint.layers: must be a list"),
        ("layers = ['base', 7]", "paint.layers: must be a list"),
        ("coats = true", "paint.coats: must be a whole number, 1 to 5"),
    ],
)
def test_the_file_is_held_to_the_types_without_showing_a_value(content: str, said: str, toml: Path) -> None:
    toml.write_text(f"[paint]\n{content}\n")
    assert refusal("--config", str(toml)) == f"{toml}: {said}"


def test_a_flag_may_say_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEGW_PAINT__GLOSS", "true")
    assert paint().gloss
    assert not paint("--no-paint.gloss").gloss


def test_lists_are_split_where_they_are_one_text_only(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text("[paint]\nlayers = ['white, matt']\n")
    assert paint("--config", str(toml)).layers == ("white, matt",)
    assert paint("--paint.layers", "a, b", "--paint.layers", "c").layers == ("a", "b", "c")
    monkeypatch.setenv("VOICEGW_PAINT__LAYERS", "a,b,")
    assert paint("--config", str(toml)).layers == ("a", "b")


def test_a_wrong_value_that_another_source_overrides_does_no_harm(toml: Path) -> None:
    toml.write_text("[paint]\ncoats = 9\n")
    assert paint("--config", str(toml), "--coats", "1").coats == 1
