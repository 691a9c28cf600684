"""And-inverter graphs: read what Yosys writes, build new ones with shared structure, write them for ABC.

A literal is `2 * variable + inverted`; 0 is false, 1 is true.
"""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from pathlib import Path

__all__ = ["Aig", "Copy", "Netlist", "is_false", "read_netlist"]


@dataclass(frozen=True)
class Netlist:
    """A sequential circuit. Variables: constant, inputs, latches, ands, in this order.

    `inputs`, `latches` and `outputs` hold a name for each bit, such as `s_axis_tdata[3]`; `next` and `driven`
    the literals of latches and outputs; `ands` the operands of each AND. All latches start at 0. Some latches
    have no name, among them one that says that the first cycle, in which others take first values, is over.
    """

    inputs: list[str]
    latches: list[str | None]
    outputs: list[str]
    next: list[int]
    driven: list[int]
    ands: list[tuple[int, int]]

    @cached_property
    def readers(self) -> list[list[int]]:
        """For each variable the ANDs that read it, as variables."""
        first = 1 + len(self.inputs) + len(self.latches)
        found: list[list[int]] = [[] for _ in range(first + len(self.ands))]
        for number, operands in enumerate(self.ands, start=first):
            for variable in {operand >> 1 for operand in operands}:
                found[variable].append(number)
        return found


class Aig:
    """A circuit that grows: equal nodes are one, and constants vanish."""

    def __init__(self) -> None:
        self.ands: dict[tuple[int, int], int] = {}
        self._operands: dict[int, tuple[int, int]] = {}
        self._variables = 0

    def variable(self) -> int:
        """Return the literal of a new input or latch."""
        self._variables += 1
        return 2 * self._variables

    def both(self, a: int, b: int) -> int:
        """Return the literal of `a AND b`."""
        a, b = min(a, b), max(a, b)
        if a == 0 or a == b ^ 1:
            return 0
        if a in (1, b):
            return b
        made = self.ands.get((a, b))
        if made is None:
            made = self.ands[a, b] = self.variable()
            self._operands[made] = (a, b)
        return made

    def either(self, a: int, b: int) -> int:
        """Return the literal of `a OR b`."""
        return self.both(a ^ 1, b ^ 1) ^ 1

    def differ(self, a: int, b: int) -> int:
        """Return the literal of `a XOR b`."""
        return self.either(self.both(a, b ^ 1), self.both(a ^ 1, b))

    def any(self, literals: Iterable[int]) -> int:
        """Return the literal of the OR of all."""
        found = 0
        for literal in literals:
            found = self.either(found, literal)
        return found

    def copy(self, source: Netlist, inputs: Sequence[int], latches: Sequence[int]) -> "Copy":
        """Copy the logic of a netlist; return what maps its literals to those here."""
        table = [0, *inputs, *latches]
        for a, b in source.ands:
            table.append(self.both(table[a >> 1] ^ (a & 1), table[b >> 1] ^ (b & 1)))
        return Copy(self, source, table)

    def write(self, path: Path, latches: dict[int, int], bad: int) -> tuple[int, int]:
        """Write what `bad` depends on, as binary AIGER with that one output.

        `latches` gives the next state of each latch, all of which start at 0; other variables without
        operands are inputs. Returns how many latches and ands there are.
        """
        reached, ands, inputs, states = set(), [], [], []
        waiting = [bad & ~1]
        while waiting:
            literal = waiting.pop()
            if literal in reached or literal == 0:
                continue
            reached.add(literal)
            if literal in latches:
                states.append(literal)
                waiting.append(latches[literal] & ~1)
            elif literal in self._operands:
                ands.append(literal)
                waiting += [operand & ~1 for operand in self._operands[literal]]
            else:
                inputs.append(literal)
        ands.sort()  # operands are made before what reads them
        number = {0: 0} | {literal: 2 * n for n, literal in enumerate([*inputs, *states, *ands], start=1)}

        def renamed(literal: int) -> int:
            return number[literal & ~1] ^ (literal & 1)

        head = f"aig {len(number) - 1} {len(inputs)} {len(states)} 1 {len(ands)}\n"
        lines = [f"{renamed(latches[state])}\n" for state in states] + [f"{renamed(bad)}\n"]
        content = bytearray((head + "".join(lines)).encode())
        for literal in ands:
            low, high = sorted(map(renamed, self._operands[literal]))
            content += _delta(number[literal] - high) + _delta(high - low)
        path.write_bytes(content)
        return len(states), len(ands)


@dataclass(frozen=True)
class Copy:
    """A netlist's logic within a graph: maps its literals to those there. `table` does it for variables."""

    graph: Aig
    source: Netlist
    table: list[int]

    def __call__(self, literal: int) -> int:
        return self.table[literal >> 1] ^ (literal & 1)

    def varied(self, changes: Mapping[int, int], pinned: Set[int] = frozenset()) -> "Copy":
        """Return a copy in which some variables are other literals; what does not depend on them is shared.

        `pinned` variables stay what they are, whatever drives them.
        """
        table, first, readers = [*self.table], len(self.table) - len(self.source.ands), self.source.readers
        changed = changes.keys() - pinned
        for variable in changed:
            table[variable] = changes[variable]
        waiting = sorted({reader for variable in changed for reader in readers[variable]})
        while waiting:
            number = heappop(waiting)
            while waiting and waiting[0] == number:
                heappop(waiting)
            a, b = self.source.ands[number - first]
            here = self.graph.both(table[a >> 1] ^ (a & 1), table[b >> 1] ^ (b & 1))
            if here != table[number] and number not in pinned:
                table[number] = here
                for reader in readers[number]:
                    heappush(waiting, reader)
        return Copy(self.graph, self.source, table)


def _delta(value: int) -> bytes:
    coded = bytearray()
    while value > 127:
        coded.append(value & 127 | 128)
        value >>= 7
    return bytes([*coded, value])


def is_false(path: Path) -> bool:
    """Return whether a circuit in binary AIGER has no registers, and one output, which is the constant 0."""
    head, output, *_ = path.read_bytes().split(b"\n", 2)
    _, latches, outputs = map(int, head.split()[2:5])
    return latches == 0 and outputs == 1 and output == b"0"


def read_netlist(path: Path, names: Path) -> Netlist:
    """Read binary AIGER as `write_aiger -zinit -map` of Yosys writes it, with its file of names."""
    head, _, rest = path.read_bytes().partition(b"\n")
    _, inputs, latches, outputs, ands = map(int, head.split()[1:6])
    *lines, rest = rest.split(b"\n", latches + outputs)
    literals = [int(line.split()[0]) for line in lines]
    operands, at, left = [], 0, 2 * (inputs + latches + 1)
    for number in range(ands):
        deltas = []
        for _ in range(2):
            value = shift = 0
            while rest[at] & 128:
                value |= (rest[at] & 127) << shift
                shift, at = shift + 7, at + 1
            deltas.append(value | rest[at] << shift)
            at += 1
        high = left + 2 * number - deltas[0]
        operands.append((high - deltas[1], high))
    found = _read_names(names)
    return Netlist(
        [found.get(("input", n), f"input{n}") for n in range(inputs)],
        [found.get(("latch", n)) for n in range(latches)],
        [found.get(("output", n), f"output{n}") for n in range(outputs)],
        literals[:latches], literals[latches:], operands,
    )  # fmt: skip


def _remoteness(name: str) -> int:
    """Return 0 for a name inside a stage, 1 at a port that the stage drives, 2 at others, 3 outside."""
    if "." not in name:
        return 3
    ports = re.findall(r"\.([io]__\w+)", name)
    return 0 if not ports else 1 if ports[-1] in ("o__payload", "o__valid", "i__ready") else 2


def _read_names(path: Path) -> dict[tuple[str, int], str]:
    """Return a name of each bit: of a register that drives a stream one of the stage that it belongs to."""
    found: dict[tuple[str, int], str] = {}
    for line in path.read_text().splitlines():
        kind, *words = line.split(maxsplit=3)
        if len(words) == 3:
            bit, name = (kind.removeprefix("inv"), int(words[0])), f"{words[2]}[{words[1]}]"
            found[bit] = min(found.get(bit, name), name, key=_remoteness)
    return found
