"""Run the measurements and print each figure with its goal, whether it holds, and how it was measured."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict

from tests.bench.decisions import concurrent_decisions, decision_cost
from tests.bench.figure import Figure
from tests.bench.first_byte import first_byte
from tests.bench.governance import governance_tax
from tests.bench.long_answers import long_answer_bytes, long_answer_growth, unread_states
from tests.bench.long_lives import long_audits, long_conversations
from tests.bench.mcp_calls import calls_against_fastmcp, calls_against_sdk, clients_at_once
from tests.bench.offline_model import (
    dangerous_misreadings,
    turn_of_the_offline_model,
    understood_as_labelled,
    understood_at_first_sight,
    understood_unseen,
)
from tests.bench.revocation import revocation_under_traffic
from tests.bench.search import search_growth, search_page_growth

MEASUREMENTS: dict[str, Callable[[], Figure]] = {
    "governance_tax": governance_tax,
    "decision_cost": decision_cost,
    "concurrent_decisions": concurrent_decisions,
    "first_byte": first_byte,
    "long_answer_bytes": long_answer_bytes,
    "long_answer_growth": long_answer_growth,
    "unread_states": unread_states,
    "calls_against_fastmcp": calls_against_fastmcp,
    "calls_against_sdk": calls_against_sdk,
    "clients_at_once": clients_at_once,
    "understood_as_labelled": understood_as_labelled,
    "understood_unseen": understood_unseen,
    "understood_at_first_sight": understood_at_first_sight,
    "dangerous_misreadings": dangerous_misreadings,
    "turn_of_the_offline_model": turn_of_the_offline_model,
    "revocation_under_traffic": revocation_under_traffic,
    "search_growth": search_growth,
    "search_page_growth": search_page_growth,
    "long_conversations": long_conversations,
    "long_audits": long_audits,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was named, or all. Returns 1 when a goal does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; all when none is given"
    )
    parser.add_argument("--json", action="store_true", help="a list of {name, value, goal, unit, holds}")
    options = parser.parse_args(arguments)
    unknown = set(options.names) - set(MEASUREMENTS)
    if unknown:
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}; there are {', '.join(MEASUREMENTS)}")
    figures = [MEASUREMENTS[name]() for name in options.names or MEASUREMENTS]
    if options.json:
        keys = ("name", "value", "goal", "unit", "holds")
        print(json.dumps([{key: asdict(figure)[key] for key in keys} for figure in figures], indent=2))
    else:
        print("| measurement | figure | goal | holds | how |\n|---|---|---|---|---|")
        for figure in figures:
            print(figure.row())
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
