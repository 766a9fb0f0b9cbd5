from pathlib import Path

import pytest

from benchmarks.command import add_device, add_json, add_model, add_serve, new_parser


def test_the_rest_of_the_line_goes_to_the_server() -> None:
    parser = new_parser("wonder", None)
    for add in (add_model, add_device, add_json, add_serve):
        add(parser)
    options = parser.parse_args(["--json", "out.json", "--model", "m", "--serve", "--model", "other", "--x"])
    assert (options.model, options.device, options.json) == ("m", "cpu", Path("out.json"))
    assert options.serve == ["--model", "other", "--x"]


def test_help_keeps_the_lines_of_the_description(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        new_parser("wonder", "first line\n\n    indented").parse_args(["--help"])
    shown = capsys.readouterr().out
    assert "scripts/bench wonder" in shown
    assert "first line\n\n    indented" in shown
