"""Measure: `make bench` for every part that has no figures yet, `make bench PART=NAME` for some anew."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import render
from benchmarks.parts import PARTS
from benchmarks.results import load, measure

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run parts, each whole or not at all; what was measured stays measured when one is interrupted.

    A part that fails is told and left out; the status is then 1.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="names, or else how they begin")
    parser.add_argument("--missing", action="store_true", help="of those, the ones without figures")
    parser.add_argument("--list", action="store_true", help="say what there is and what has figures")
    options = parser.parse_args(arguments)
    known = load()
    chosen = [part for part in PARTS if any(_called(part.name, given) for given in options.parts or [""])]
    if not chosen:
        parser.error(f"no part is called so; there are {', '.join(part.name for part in PARTS)}")
    if options.list:
        print(*(f"{'measured' if part.name in known else '-':9}{part.name}" for part in chosen), sep="\n")
        return 0
    if options.missing or not options.parts:
        chosen = [part for part in chosen if part.name not in known]
    failed = 0
    for number, part in enumerate(chosen, start=1):
        print(f"{number} of {len(chosen)}: {part.name} …", file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="zeroskip-") as folder:
                measure(part, Path(folder) / "build")
        except Exception as error:  # the other parts can be measured all the same
            failed += 1
            print(f"error: {part.name}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        print(f"{part.name}: {time.monotonic() - started:.1f} s", file=sys.stderr, flush=True)
        render.write()
    render.write()
    return int(failed > 0)


def _called(name: str, given: str) -> bool:
    """Say whether a part is meant: the one of that name, or all whose names begin so if there is none."""
    return name == given if any(part.name == given for part in PARTS) else name.startswith(given)


if __name__ == "__main__":
    sys.exit(main())
