"""The tables and diagrams of the documents are those that the code makes."""

import re
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.tables import TABLES, Table


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_document_has_the_table(table: Table) -> None:
    assert table.written() == table.make(), "run scripts/tables"


def test_a_table_is_written_into_its_document(tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    document.write_text("<!-- a -->\nold\n<!-- /a -->\n")
    table = Table(document, "a", lambda: "| new |")
    table.write()
    assert table.written() == table.make()


def test_every_marked_table_is_made() -> None:
    """None is left out of the list, and so out of date."""
    marked = {
        (path, name)
        for folder in ("clients", "scripts", "voicegw", "benchmarks")
        for path in (ROOT / folder).rglob("*.md")
        if path.name != "sizing.md"  # which scripts/plan --document writes
        for name in re.findall(r"<!-- /([\w ]+) -->", path.read_text())
    }
    assert marked == {(table.document, table.name) for table in TABLES}
