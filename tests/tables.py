"""Every table and diagram of the documents that is made from the code. `scripts/tables` writes them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.ceiling import Ceiling
from benchmarks.marks import part_of, with_part
from tests import error_table, message_tables, metrics_table, option_tables, realtime_table
from tests.documents import DEPLOY, GUIDE, MONITORING, OPENAI, PROTOCOL
from voicegw.config import load
from voicegw.core import endpoint, turn
from voicegw.core.state_machine import mermaid
from voicegw.reply.llm import circuit_breaker


@dataclass(frozen=True)
class Table:
    """A table of a document. make: what stands there, in Markdown."""

    document: Path
    name: str
    make: Callable[[], str]

    def written(self) -> str:
        """The table in the document."""
        return part_of(self.document.read_text(), self.name)

    def write(self) -> None:
        """Writes the table into the document."""
        self.document.write_text(with_part(self.document.read_text(), self.name, self.make()))


def _diagram(drawn: str) -> Callable[[], str]:
    return lambda: f"```mermaid\n{drawn}\n```"


TABLES = (
    Table(PROTOCOL, "client messages", message_tables.client_messages),
    Table(PROTOCOL, "configure fields", message_tables.configure_fields),
    Table(PROTOCOL, "server messages", message_tables.server_messages),
    Table(PROTOCOL, "errors", lambda: "\n".join(error_table.rows())),
    Table(OPENAI, "realtime", realtime_table.tables),
    Table(MONITORING, "metrics", lambda: "\n".join(metrics_table.rows())),
    Table(DEPLOY / "options.md", "options", option_tables.option_tables),
    Table(DEPLOY / "assistant.md", "turn options", option_tables.turns_table),
    Table(DEPLOY / "limits.md", "limits", option_tables.limits_table),
    Table(DEPLOY / "limits.md", "fixed limits", option_tables.fixed_limits_table),
    Table(DEPLOY / "limits.md", "memory", lambda: Ceiling.of(load(())).table()),
    Table(GUIDE, "endpoint table", _diagram(mermaid(endpoint.TABLE))),
    Table(GUIDE, "turn table", _diagram(mermaid(turn.TABLE))),
    Table(GUIDE, "breaker table", _diagram(mermaid(circuit_breaker.TABLE))),
)

if __name__ == "__main__":
    for each in TABLES:
        each.write()
