"""What faults and load cost the clients, in three cases; `scripts/bench chaos CASE --help` describes each."""

import argparse
import asyncio
from collections.abc import Sequence

from benchmarks.chaos import fault_campaign, reconnect, soak
from benchmarks.command import Result, add_json, exits_on_errors, new_parser

CASES = {
    "faults": (fault_campaign, "workers, gateways and Redis are killed, paused and restarted during work"),
    "reconnect": (reconnect, "all clients lose their connections at the same moment"),
    "soak": (soak, "many clients of all kinds connect and disconnect for minutes; what the server keeps"),
}


@exits_on_errors
def main(argv: Sequence[str] | None = None) -> int:
    """Run a case; the exit status is 1 when it found problems."""
    options = _parser().parse_args(argv)
    case, _ = CASES[options.case]
    result: Result = asyncio.run(case.run_case(options))
    return result.report(f"chaos {options.case}", options.json)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("chaos", __doc__)
    cases = parser.add_subparsers(dest="case", metavar="CASE", required=True)
    for name, (case, summary) in CASES.items():
        of_case = cases.add_parser(
            name, help=summary, description=case.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        add_json(of_case)
        case.add_arguments(of_case)
    return parser
