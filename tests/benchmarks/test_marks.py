"""Parts of documents that programs write."""

import pytest

from benchmarks.marks import part_of, with_part

DOCUMENT = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n"


@pytest.mark.parametrize("lines", ["new", "| a |\n| \\1 |", ""])
def test_a_part_is_replaced(lines: str) -> None:
    written = with_part(DOCUMENT, "x", lines)
    assert written == f"a\n<!-- x -->\n{lines}\n<!-- /x -->\nb\n"
    assert part_of(written, "x") == lines
    assert with_part(written, "x", "old") == DOCUMENT


@pytest.mark.parametrize("document", ["", "<!-- x -->\nold\n", 2 * DOCUMENT])
def test_there_is_one_of_each_part(document: str) -> None:
    with pytest.raises(ValueError, match="parts x"):
        with_part(document, "x", "new")
