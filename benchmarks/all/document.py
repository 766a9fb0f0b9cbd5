"""REPORT.md and the table of README, from the results of the parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.all.parts import PARTS, SERVERS, Part
from benchmarks.all.results import MISSING, PartResult, of_server, shown
from benchmarks.marks import with_part

REPORT = "REPORT.md"


@dataclass(frozen=True)
class Row:
    """A row of README's table: a figure of a part, and what it is compared with in the same run. theirs: of
    each peer that ran, if the part compares peers."""

    label: str
    part: str
    ours: str
    theirs: str = ""


README_ROWS = (
    Row(
        "word errors in recordings of people, in English, streamed",
        "people-latency",
        "{wer_percent:.1f} %",
        "{wer_offline_percent:.1f} % offline, with faster-whisper",
    ),
    Row(
        "a word in its final place after its end, in these recordings, p50 / p95",
        "people-latency",
        "{wel_p50_ms:.0f} / {wel_p95_ms:.0f} ms",
    ),
    Row(
        "the same, one speaker with few pauses, p50 / p95",
        "people-peers",
        "{wel_p50_ms_voicegw:.0f} / {wel_p95_ms_voicegw:.0f} ms",
        "{wel_p50_ms:.0f} / {wel_p95_ms:.0f} ms",
    ),
    Row(
        "CPU seconds per second of audio, one speaker",
        "people-peers",
        "{cpu_s_per_audio_s_voicegw:.2f}",
        "{cpu_s_per_audio_s:.2f}",
    ),
    Row("speakers at once with words within 1 s (p95)", "people-capacity", "{streams_at_slo:.0f}"),
    Row("memory of the server, with so many", "people-capacity", "{memory_mb:.0f} MB"),
    Row(
        "final words after the server found the end of speech, p95",
        "people-latency",
        "{settling_p95_ms:.0f} ms",
    ),
    Row(
        "faults of workers, gateways and Redis (bundled model); lost samples; lost or doubled words",
        "chaos",
        "{fault_runs:.0f}; {lost_samples:.0f}; {lost_words:.0f}, {doubled_words:.0f}",
    ),
)


def write_report(directory: Path, results: Mapping[str, PartResult], pictures: Sequence[str]) -> None:
    """Write REPORT.md."""
    (directory / REPORT).write_text(report(results, pictures))


def report(results: Mapping[str, PartResult], pictures: Sequence[str] = ()) -> str:
    """The report: a section for each part that has a result. pictures: names of files beside it."""
    sections = [_section(part, results[part.name]) for part in PARTS if part.name in results]
    drawn = "".join(f"![{name.removesuffix('.svg')}]({name})\n\n" for name in pictures)
    head = (
        "# Figures of `scripts/bench all`\n\n"
        "Each part is a command that can be run by itself; its JSON file has all of its figures. Parts that\n"
        "begin with `people-` use recordings of people, the others synthetic voices and the bundled model.\n"
        "[Method](../README.md).\n\n"
    )
    return head + drawn + "\n".join(sections)


def _section(part: Part, result: PartResult) -> str:
    servers = result.settings.get("servers", {})
    about = [
        f"`scripts/bench {result.command}`",
        f"{_machine(result.machine)}; {result.date}; {_minutes(result)}commit {result.commit}.",
        _settings(result.settings),
        "\n".join(f"- {SERVERS[server]} {about}" for server, about in servers.items()),
        result.note,
        "**The benchmark reported problems.**" if result.problems else "",
    ]
    paragraphs = "".join(f"{line}\n\n" for line in about if line)
    return f"## {part.name}\n\n{paragraphs}{_table(part, result)}"


def _settings(settings: Mapping[str, Any]) -> str:
    """What the figures depend on, in one line."""
    stated = {name: value for name, value in settings.items() if value not in (None, [], "")}
    texts = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in stated.items()
        if name != "servers"
    }
    return "; ".join(f"{name.replace('_', ' ')}: {text}" for name, text in texts.items())


def _table(part: Part, result: PartResult) -> str:
    """The lines of the part that have figures, with a column for each server if it compares peers."""
    columns = {"": result.figures}
    if part.compares_peers:
        columns = {title: of_server(result.figures, server) for server, title in SERVERS.items()}
    rows = {label: [shown(form, own) for own in columns.values()] for label, form in part.lines.items()}
    lines = [
        _row("", *columns),
        "|---" * (1 + len(columns)) + "|",
        *(_row(label, *cells) for label, cells in rows.items() if set(cells) != {MISSING}),
    ]
    return "".join(f"{line}\n" for line in lines)


def _row(*cells: str) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def _minutes(result: PartResult) -> str:
    return f"{result.took_s / 60:.1f} minutes; " if result.took_s else ""


def _machine(machine: Mapping[str, Any]) -> str:
    about = "{processor}, {cores} cores, Python {python}".format_map(machine)
    load = "/".join(str(each) for each in machine.get("load_average", ()))
    return f"{about}, load average before the run {load}" if load else about


def readme_table(results: Mapping[str, PartResult]) -> str:
    """The table of README, without rows of which there is no figure."""
    rows = [
        _row(row.label, ours, _theirs(row, results[row.part].figures), f"`{row.part}`")
        for row in README_ROWS
        if row.part in results and MISSING not in (ours := shown(row.ours, results[row.part].figures))
    ]
    return "\n".join(["| | voicegw | peers, same machine and model | part |", "|---|---|---|---|", *rows])


def _theirs(row: Row, figures: dict[str, float | None]) -> str:
    if not row.part.endswith("peers"):
        return shown(row.theirs, figures) if row.theirs else ""
    found = {
        title: shown(row.theirs, of_server(figures, server))
        for server, title in SERVERS.items()
        if server != "voicegw"
    }
    return ", ".join(f"{title} {text}" for title, text in found.items() if MISSING not in text)


def update_readme(file: Path, results: Mapping[str, PartResult]) -> None:
    """Put the table between its marks in the file."""
    file.write_text(with_part(file.read_text(), "figures", readme_table(results)))
