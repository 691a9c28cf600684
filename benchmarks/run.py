"""Measure: `make bench` for every part that has no figures yet, `make bench PART=NAME` for some anew."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import compiler_speed, render, throughput
from benchmarks.results import Part, load, measure

__all__ = ["PARTS", "main"]

PARTS: list[Part] = [*compiler_speed.PARTS, *throughput.PARTS]


def main(arguments: list[str] | None = None) -> int:
    """Run parts, each whole or not at all; what was measured stays measured when one is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="names, or how they begin")
    wanted = parser.parse_args(arguments).parts
    known = load()
    chosen = [part for part in PARTS if any(map(part.name.startswith, wanted))]
    if wanted and not chosen:
        parser.error(f"no part is called so; there are {', '.join(part.name for part in PARTS)}")
    for part in chosen or [part for part in PARTS if part.name not in known]:
        print(f"{part.name} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="zeroskip-") as folder:
            entry = measure(part, Path(folder) / "build")
        render.write()
        print(f"{part.name:<36}{entry['seconds']:8.1f} s", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
