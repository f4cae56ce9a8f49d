"""The command line: what is measured, and where what came of it goes."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.node import LIMIT_MISSED, PERFORMANCE, machine_and_software
from benchmarks.peers.cores import Cores
from benchmarks.peers.environments import default_folder
from benchmarks.peers.lineup import NAMES
from benchmarks.peers.run import SHORT, WHOLE, Run


def main() -> int:
    """Measure, tell, and say by the exit status whether every limit was held: 0, or LIMIT_MISSED."""
    environments = default_folder(os.environ, Path.home())
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description="A node beside other index servers.")
    parser.add_argument("--short", action="store_true", help="small sizes, one round, a few minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save what was measured there")
    parser.add_argument(
        "--only", nargs="+", choices=NAMES[1:], default=NAMES, metavar="SERVER", help=f"of {', '.join(NAMES[1:])}"
    )
    parser.add_argument(
        "--environments", type=Path, default=environments, metavar="FOLDER", help="where the servers are installed"
    )
    parser.add_argument(
        "--write", action=argparse.BooleanOptionalAction, help="write docs/performance.md (a whole run of all does)"
    )
    chosen = parser.parse_args()
    cores = Cores.found()
    cores.settle_here()
    with tempfile.TemporaryDirectory() as folder:
        report = Run(
            folder=Path(folder),
            environments=chosen.environments,
            scale=SHORT if chosen.short else WHOLE,
            wanted=frozenset(chosen.only),
            cores=cores,
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        ).report(machine_and_software())
    print(report.as_markdown())
    if chosen.json:
        chosen.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    if chosen.write if chosen.write is not None else not chosen.short and chosen.only is NAMES:
        command = "python -m benchmarks.peers" + (" --short" if chosen.short else "")
        PERFORMANCE.write_text(report.written(PERFORMANCE.read_text(), command, PERFORMANCE.parent / "plots"))
    return 0 if all(figure.is_held for figure in report.figures) else LIMIT_MISSED


if __name__ == "__main__":
    sys.exit(main())
