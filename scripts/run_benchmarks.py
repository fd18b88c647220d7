"""Run the scripts of ``benchmarks/`` in turn and keep what they measured in ``benchmarks/results``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
RESULTS = BENCHMARKS / "results"
# Run only when named: every method on every data set takes many hours.
ON_DEMAND = {"representations"}


def figures(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested JSON, each under a dotted name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from figures(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from figures(inner, f"{name}[{index}]")
    else:
        yield name, f"{value:.4g}" if isinstance(value, float) else value


def measure(script: Path) -> str | None:
    """Run one benchmark, print and keep its figures; return what went wrong, if anything."""
    print(f"── {script.stem}", flush=True)
    begun = time.monotonic()
    command = [sys.executable, script, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    try:
        result = json.loads(done.stdout)
    except ValueError:
        # Libraries may write to the standard output before the figures, which are the last line.
        lines = done.stdout.strip().splitlines()
        try:
            result = json.loads(lines[-1]) if lines else None
        except ValueError:
            result = None
    if result is not None:
        (RESULTS / f"{script.stem}.json").write_text(json.dumps(result, indent=2) + "\n")
        for name, value in figures(result):
            print(f"   {name:<60} {value}")
    print(f"   took {time.monotonic() - begun:.0f} s", flush=True)
    if done.returncode:
        return f"ended with status {done.returncode}"
    return None if result is not None else "printed no JSON"


def main() -> int:
    """Run the benchmarks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks to run, without .py; all quick ones when none is named")
    arguments = parser.parse_args()
    scripts = {script.stem: script for script in sorted(BENCHMARKS.glob("*.py"))}
    if unknown := [name for name in arguments.names if name not in scripts]:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(scripts)}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / ".gitignore").write_text("*\n")
    if not arguments.names:
        print(f"bench: left out, since it takes hours: {', '.join(sorted(ON_DEMAND))}; name it to run it", flush=True)
    chosen = arguments.names or [name for name in scripts if name not in ON_DEMAND]
    failures = {name: told for name in chosen if (told := measure(scripts[name]))}
    for name, told in failures.items():
        print(f"bench: {name} {told}", file=sys.stderr)
    if not failures:
        print("bench: the figures are in benchmarks/results")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
