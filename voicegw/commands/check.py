"""`voicegw check`: tries all parts of a server once, and prints what is wrong and what to do about it."""

import argparse
import asyncio
import json
from collections.abc import Sequence

from voicegw import config
from voicegw.commands.findings import Finding, Status
from voicegw.commands.part_checks import CHECKS
from voicegw.commands.process import print_text
from voicegw.errors import StartupError

_HELP = """Try all parts of a server once: configuration, access, address, TLS, Redis, traces, GPU, audio
packages, speech model, model endpoints, voice, tools, MCP servers and moderation. Prints what works and what
does not, each with what to do about it.

It takes the options of `voicegw serve`, for example:
  voicegw check --llm-url http://127.0.0.1:8000/v1 --llm-model my-model --port 8000

It sends one short request to each endpoint, and changes nothing. The exit status is 0 when nothing is wrong,
and 1 otherwise."""


def add_to(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    parents: Sequence[argparse.ArgumentParser] = (),
) -> None:
    """Declares the command and its flag. parents: parsers whose options it has, too."""
    check = commands.add_parser(
        "check",
        help="try all parts of a server, and say what is wrong",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        parents=parents,
        add_help=not parents,
    )
    check.add_argument("--json", action="store_true", help="print JSON: a list of findings")


def run(arguments: Sequence[str], *, as_json: bool) -> int:
    """Runs all checks with the options in `arguments`; returns the exit status."""
    findings = asyncio.run(_findings(arguments))
    print_text(_json(findings) if as_json else _table(findings))
    return int(any(finding.status is Status.WRONG for finding in findings))


async def _findings(arguments: Sequence[str]) -> list[Finding]:
    try:
        settings = config.load(arguments, "voicegw check")
    except StartupError as error:
        return [Finding("configuration", Status.WRONG, error.message, "correct this option first")]
    findings = [Finding("configuration", Status.OK, "all options can be read")]
    findings += [Finding("configuration", Status.NOTE, each) for each in config.without_effect(settings)]
    for check in CHECKS:
        try:
            async for finding in check(settings):
                findings.append(finding)
        except Exception as error:  # noqa: BLE001 - the other checks go on; its text may quote a secret
            part = check.__name__.removeprefix("_").removeprefix("check_").replace("_", " ")
            found = f"the check raised {type(error).__name__}"
            findings.append(Finding(part, Status.WRONG, found, "start `voicegw serve`, which may say more"))
    return findings


def _json(findings: Sequence[Finding]) -> str:
    return json.dumps([finding.as_dict() for finding in findings], indent=2)


def _table(findings: Sequence[Finding]) -> str:
    """One line for each finding, and below it what to do."""
    width = max(len(finding.part) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.status.value:5}  {finding.part:{width}}  {finding.found}")
        if finding.remedy:
            lines.append(f"{'':5}  {'':{width}}  -> {finding.remedy}")
    wrong = sum(finding.status is Status.WRONG for finding in findings)
    return "\n".join([*lines, "", f"{wrong} wrong" if wrong else "nothing is wrong"])
