"""What the commands print for people: lines of text from the dicts that --json would print."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = [
    "bitstream_lines", "board_lines", "build_lines", "check_lines", "doctor_lines", "inspect_lines",
    "problem_line", "synthesis_lines", "weights_lines",
]  # fmt: skip

Json = Mapping[str, Any]


def problem_line(problem: Json) -> str:
    """Return one line: where, what, next."""
    line = f"{problem['where']}: {problem['what']}" + (f"; {problem['next']}" if problem["next"] else "")
    return " ".join(line.split())


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = ()) -> list[str]:
    """Lay out columns; those in `right` are numbers."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    right = set(right)
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _shape(sizes: Sequence[int]) -> str:
    return "×".join(map(str, sizes))


def _network_lines(found: Json) -> list[str]:
    model = found["model"]
    kept = model["weights_nonzero"] / max(1, model["weights_dense"])
    fewer = model["macs_dense"] / max(1, model["macs_sparse"])
    return [
        f"{model['name']}: {model['weights_nonzero']:,} of {model['weights_dense']:,} weights are nonzero "
        f"({kept:.2%}); {model['macs_sparse']:,} of {model['macs_dense']:,} multiplications remain "
        f"({fewer:.1f}× fewer)"
    ]


def _cycles_line(report: Json) -> str:
    parts = []
    for name in ("interval", "latency"):
        cycles = report[f"{name}_cycles"]
        how = "predicted" if cycles["simulated"] is None else "simulated"
        parts.append(f"{name} {round(cycles[how], 2):,} cycles ({how})")
    return ", ".join(parts)


def build_lines(report: Json, directory: str) -> list[str]:
    """Return what a finished build says."""
    throughput, board = report["throughput"], report["board"]
    lines = _network_lines(report) + [
        _cycles_line(report),
        f"{throughput['frames_per_second']:,.0f} frames/s at {board['clock_mhz']:g} MHz "
        f"({throughput['clock_source']}) on {board['title']}",
    ]
    if "folding" in report:
        lines += _folding_lines(report["folding"], report["throughput"]["instances"])
    if report["accuracy"]:
        accuracy = report["accuracy"]
        lines.append(
            f"accuracy {accuracy['integer']:.2%} in integers, {accuracy['float']:.2%} in float, "
            f"on {accuracy['samples']:,} samples"
        )
    lines += [f"note: {note}" for note in report["notes"]]
    if report.get("verdict"):
        lines.append(report["verdict"]["line"])
    else:
        lines.append(f"not verified yet: python -m compiler verify {directory}")
    return [*lines, f"report: {directory}/report.html"]


def _folding_lines(folding: Json, instances: int) -> list[str]:
    """Say what limits a design, what is left of the board, and what more speed would take."""
    limiting, fill, faster = folding["limiting"], folding["fill"], folding["faster"]
    resource = folding["resources"][limiting["resource"]]
    lines = [
        f"predicted: {resource['need']:,} {limiting['resource']} an instance, {limiting['share']:.0%} of the "
        f"budget of {resource['budget']:,}, most of them in {limiting['stage']}; the slowest stage is "
        f"{folding['bottleneck']}"
    ]
    if instances < fill["instances"]:
        lines.append(
            f"{fill['instances']} instances fit, limited by {fill['limit']}: "
            f"{fill['frames_per_second']:,.0f} frames/s (predicted); --fill makes them"
        )
    if faster is not None:
        name = faster["limiting"]["resource"]
        now, then = folding["resources"][name]["need"], faster["resources"][name]["need"]
        lines.append(
            f"a step faster, {faster['interval_cycles']:,} cycles: {then:,} {name} instead of {now:,}"
            + ("" if faster["fits"] else ", more than the board has to give")
        )
    return lines


def check_lines(model: str, found: Json) -> list[str]:
    """Return what `check` found."""
    lines = [problem_line(problem) for problem in found["problems"]]
    lines += [f"note: {remark}" for remark in found["remarks"]]
    count = len(found["problems"])
    verdict = f"has {count} problem{'s' if count > 1 else ''}" if count else "can be compiled"
    return [*lines, f"{model} {verdict}"]


def inspect_lines(found: Json) -> list[str]:
    """Return a model's or a build's layers and, of a build, its stages."""
    lines = _network_lines(found) + [""]
    head = ("layer", "kind", "output", "format", "active", "weights", "nonzero", "MAC", "sparse MAC")
    rows = [
        (
            layer["name"], layer["kind"], _shape(layer["shape"]), layer["form"],
            f"{layer['active'] / layer['elements']:.0%}", layer["weights_dense"] or None,
            layer["weights_nonzero"] or None, layer["macs_dense"] or None, layer["macs_sparse"] or None,
        )
        for layer in found["layers"]
    ]  # fmt: skip
    lines += _table(head, rows, right=(4, 5, 6, 7, 8))
    if "stages" in found:
        head = ("stage", "kind", "cycles", "multipliers", "weight bits", "accumulator bits")
        rows = [
            (
                stage["name"], stage["kind"], stage["interval_cycles"], stage["multipliers"] or None,
                stage["weight_bits"], stage["accumulator_bits"],
            )
            for stage in found["stages"]
        ]  # fmt: skip
        lines += ["", *_table(head, rows, right=(2, 3, 4, 5)), "", _cycles_line(found)]
    return lines + [f"note: {note}" for note in found["notes"]]


def synthesis_lines(report: Json) -> list[str]:
    """Return what a synthesis found: a line a stage, the whole beside the budget, the deepest logic."""
    budget, depth, found = report["board"]["budget"], report["depth"], report["synthesis"]
    head = ("stage", *budget, "levels", "from", "to")
    rows = []
    for stage in report["stages"]:
        if "resources" in stage:
            path = stage["depth"] or {"levels": None, "start": "", "end": ""}
            taken = [stage["resources"][name] for name in budget]
            rows.append((stage["name"], *taken, path["levels"], path["start"], path["end"]))
    rows.append(("elsewhere", *(found["elsewhere"][name] for name in budget), None, "", ""))
    rows.append(("design", *(report["resources"][name] for name in budget), depth["levels"], "", ""))
    rows.append(("budget", *budget.values(), depth["goal"], "", ""))
    return [
        *_table(head, rows, right=range(1, len(budget) + 2)),
        "",
        f"synthesized with {found['tool']} ({found['command']}); not placed",
        f"deepest: {depth['levels']} levels from {depth['start']} to {depth['end']}",
    ]


def board_lines(boards: Sequence[Json]) -> list[str]:
    """Return a table of boards."""
    head = ("board", "title", "part", "LUT", "FF", "DSP", "block RAM", "URAM", "clock")
    rows = [
        (
            board["name"], board["title"], board["part"], board["lut"], board["ff"], board["dsp"],
            f"{board['block_ram']:,} × {board['block_ram_kbit']} kbit", board["uram"],
            f"{board['clock_mhz']:g} MHz ({board['clock_source']})",
        )
        for board in boards
    ]  # fmt: skip
    return _table(head, rows, right=(3, 4, 5, 6, 7))


def doctor_lines(findings: Sequence[Json]) -> list[str]:
    """Return a table of what was found, and what to do about the rest."""
    rows = [(found["name"], found["version"] or "missing", found["enables"]) for found in findings]
    lines = _table(("", "version", "for"), rows)
    missing = [found for found in findings if found["version"] is None]
    if not missing:
        return [*lines, "", "everything is here"]
    return [*lines, "", *(f"missing {found['name']}: {found['remedy']}" for found in missing)]


def bitstream_lines(report: Json, directory: str) -> list[str]:
    """Return what `bitstream` prints: the clock, what it takes of the chip, and the file."""
    made = report["implementation"]
    clock, rate = made["clock_mhz"], report["throughput"]["frames_per_second"]
    taken = ", ".join(
        f"{found['used']:,} of {found['available']:,} {name}" for name, found in made["resources"].items()
    )
    return [
        f"{clock['reached']:.1f} MHz reached, placed and routed; {clock['wanted']:.1f} MHz wanted"
        + (f", seed {made['seed']}" if made["seed"] else ""),
        f"{rate:,.0f} frames/s at {clock['value']:.2f} MHz on {report['board']['title']}",
        f"takes {taken}",
        f"load: {directory}/{made['bitstream']}",
    ]


def weights_lines(found: Json, built: str) -> list[str]:
    """Return what loads the new weights, and what stays as it is."""
    fixed = ", ".join(found["fixed"])
    return [
        f"{found['bytes']:,} bytes for {', '.join(found['stages'])}; checksum {found['crc32']:#010x}",
        *([f"fixed, and the same in both: {fixed}"] if fixed else []),
        f"written to {found['directory']}; loads into hardware of {built}",
    ]
