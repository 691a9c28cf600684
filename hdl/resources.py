"""What hardware takes of a chip, and how much of it the parts take that all components are made of."""

from dataclasses import dataclass, fields
from typing import Self

__all__ = ["ECP5", "MEMORIES", "ULTRASCALE_PLUS", "Fabric", "Resources", "fabric_of", "total"]

MEMORIES = ("auto", "block")
"""What a constant memory can be made of: what Yosys chooses by its size, or block RAM."""

BLOCK_DEPTHS = (512, 1024, 2048, 4096, 8192, 16384)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """An amount of each resource, predicted or synthesized.

    Parameters
    ----------
    lut : int
        Lookup tables, those that serve as memories or shift registers included.
    ff : int
        Registers of one bit.
    dsp : int
        Multipliers: DSP48E2, or MULT18X18D.
    block_ram : float
        RAMB36E2, of which a RAMB18E2 is half a one; or DP16KD.
    uram : int
        URAM288.
    """

    lut: int = 0
    ff: int = 0
    dsp: int = 0
    block_ram: float = 0
    uram: int = 0

    def __add__(self, other: Self) -> "Resources":
        return Resources(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    def __mul__(self, count: int) -> "Resources":
        return Resources(**{f.name: getattr(self, f.name) * count for f in fields(self)})

    __rmul__ = __mul__


def total(parts: "list[Resources]") -> Resources:
    """Add up.

    >>> total([Resources(lut=3), Resources(lut=4, dsp=1)])
    Resources(lut=7, ff=0, dsp=1, block_ram=0, uram=0)
    """
    return sum(parts, Resources())


@dataclass(frozen=True, kw_only=True)
class Fabric:
    """A family of chips: what the usual parts take there, as Yosys 0.70 maps them.

    Parameters
    ----------
    name : str
    lut_inputs : int
        Inputs of a lookup table; 6 or 4.
    ram_cells : tuple of (depth, bits, lut)
        The memories that lookup tables make: words, bits of a word, and lookup tables.
    ram_price, rom_price : float
        What Yosys counts for a memory in lookup tables: for each such cell, for each bit of a constant.
    blocks : tuple of (bits at 512 words, price, block_ram)
        Block RAM, likewise. A deeper word is as much narrower.
    multiplier : (int, int)
        Widths of the signed factors of one multiplier.
    shortest_product : int
        Bits of both factors together from which on products go to multipliers.
    adders_per_stage : int
        Adders in a row between two registers that keep up with the rest of a design.
    """

    name: str
    lut_inputs: int
    ram_cells: tuple[tuple[int, int, int], ...]
    ram_price: float
    rom_price: float
    blocks: tuple[tuple[int, int, float], ...]
    multiplier: tuple[int, int]
    shortest_product: int
    adders_per_stage: int

    def choice(self, inputs: int, bits: int = 1) -> Resources:
        """Return one of some words, wherever the choice comes from."""
        per_table = 3 if self.lut_inputs == 6 else 1
        return Resources(lut=bits * -(-(inputs - 1) // per_table))

    def comparison(self, bits: int) -> Resources:
        """Return a carry chain that tells which of two numbers is larger."""
        return Resources(lut=-(-bits // 2) if self.lut_inputs == 6 else bits + bits % 2)

    def sum(self, bits: int) -> Resources:
        """Return an adder of two terms; a bit that its carry does not reach counts like any other."""
        return Resources(lut=bits if self.lut_inputs == 6 else bits + bits % 2)

    def product(self, left: int, right: int) -> Resources:
        """Return a multiplier of signed numbers of so many bits, registers not counted."""
        if left + right < self.shortest_product:
            return Resources(lut=left * right)
        wide, narrow = sorted(self.multiplier, reverse=True)
        long, short = max(left, right), min(left, right)
        return Resources(dsp=-(-long // wide) * -(-short // narrow))

    def pairs(self, left: int, right: int) -> bool:
        """Return whether one multiplier makes two products that have the right factor in common.

        >>> ULTRASCALE_PLUS.pairs(8, 9), ECP5.pairs(8, 9)
        (True, False)
        """
        wide, narrow = sorted(self.multiplier, reverse=True)
        # The lower product needs the bits of both its factors below the other left factor.
        return bool(self.product(left, right).dsp) and 2 * left + right <= wide and right <= narrow

    def counter(self, size: int) -> Resources:
        """Return a counter from 0 to `size - 1` and round again."""
        bits = max(1, (size - 1).bit_length())
        return Resources(lut=(bits + 2 if self.lut_inputs == 6 else 3 * bits) if size > 1 else 0, ff=bits)

    def logic(self, lut: float, ff: int = 0) -> Resources:
        """Return that many functions of six inputs; of four tables each where tables have four."""
        return Resources(lut=round(lut * (1 if self.lut_inputs == 6 else 2)), ff=ff)

    def memory(
        self, bits: int, depth: int, *, constant: bool = False, registered: bool = True, kind: str = "auto"
    ) -> Resources:
        """Return a memory of one write and one read port, or a constant one.

        Only what is read a cycle late (`registered`) can be in block RAM, and it is where that is cheaper,
        or where the `kind` says so.
        """
        if constant:
            tables = Resources(lut=self._constant(bits, depth), ff=bits if registered else 0)
            price = bits * depth * self.rom_price
        else:
            cells, tables = self._tables(bits, depth)
            tables += Resources(ff=bits if registered else 0)
            price = self.ram_price * cells
        if not registered:
            return tables
        kinds = [self._blocks(bits, depth, *kind) for kind in self.blocks]
        block_price, blocks = min(kinds, key=lambda found: found[0])
        return blocks if kind == "block" or block_price < price else tables

    def accumulators(self, bits: int, depth: int, ports: int) -> Resources:
        """Return a memory in lookup tables that is written where its first port reads."""
        if self.lut_inputs == 4:
            return ports * self.memory(bits, depth, registered=False)
        rows = -(-depth // 256)
        cell_bits = max(1, (512 // ports) // (1 << max(5, (min(depth, 256) - 1).bit_length())))
        return Resources(lut=rows * 8 * -(-bits // cell_bits)) + ports * self.choice(rows, bits)

    def _constant(self, bits: int, depth: int) -> int:
        """Return the tables of a constant one."""
        return bits * max(1, -(-depth // (1 << self.lut_inputs)) * 4 // 3)

    def _tables(self, bits: int, depth: int) -> tuple[float, Resources]:
        """Return the cells of a memory in lookup tables, and what they and the choice between them take."""
        found = []
        for words, width, lut in self.ram_cells:
            rows = -(-depth // words)
            taken = Resources(lut=rows * -(-bits // width) * lut) + self.choice(rows, bits)
            found.append((rows * bits / width, taken))
        return min(found, key=lambda pair: pair[1].lut)

    def _blocks(
        self, bits: int, depth: int, width: int, price: int, block_ram: float
    ) -> tuple[float, Resources]:
        """Return the price of a memory in blocks of one kind, and what they take."""
        found = []
        for words in BLOCK_DEPTHS:
            rows = 1 << (-(-depth // words) - 1).bit_length()
            blocks = -(-rows * bits * words // (512 * width))
            found.append((blocks * price, rows, blocks))
        cost, rows, blocks = min(found)
        return cost, Resources(block_ram=blocks * block_ram) + self.choice(rows, bits)


ULTRASCALE_PLUS = Fabric(
    name="UltraScale+",
    lut_inputs=6,
    ram_cells=((32, 14, 8), (64, 7, 8)),
    ram_price=16,
    rom_price=1 / 64,
    blocks=((36, 129, 0.5), (72, 257, 1)),
    multiplier=(27, 18),
    shortest_product=11,
    adders_per_stage=2,
)

ECP5 = Fabric(
    name="ECP5",
    lut_inputs=4,
    ram_cells=((16, 4, 6),),
    ram_price=6,
    rom_price=1 / 16,
    blocks=((36, 128, 1),),
    multiplier=(18, 18),
    shortest_product=9,
    adders_per_stage=1,
)


def fabric_of(lut_inputs: int) -> Fabric:
    """Return the family whose lookup tables have that many inputs."""
    return ECP5 if lut_inputs == ECP5.lut_inputs else ULTRASCALE_PLUS
