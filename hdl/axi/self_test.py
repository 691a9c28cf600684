"""Run stored frames through an accelerator at full speed, compare what comes out, count cycles."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hdl.axi.axi_stream import AxiStream
from hdl.numerics import bits_for_range
from hdl.streams.counter import count_rounds
from hdl.streams.watchdog import STUCK_BITS, flags_and_stuck

__all__ = [
    "EXPECTED", "INPUTS", "MAGIC", "RESULTS", "SelfTest", "SelfTestConfig", "lane_bits", "register_address",
]  # fmt: skip

REGION_BITS = 18
REGISTERS, INPUTS, EXPECTED, RESULTS = (region << REGION_BITS for region in range(4))
"""Where the registers and the memories begin on the bus."""

READ_ONLY = ("magic", "build", "status", "done", "cycles", "cycles_high", "mismatches", "refused")
WRITABLE = ("frames", "slots", "run")
MAGIC = 0x3153_5A53
WORD = 4


def register_address(name: str) -> int:
    """Return where the 32-bit register of that name begins."""
    return REGISTERS + WORD * (*READ_ONLY, *WRITABLE).index(name)


@dataclass(frozen=True, kw_only=True)
class SelfTestConfig:
    """What is stored.

    Parameters
    ----------
    input_bits, output_bits : int
        Widths of the accelerator's `tdata`, multiples of 8.
    inputs, expected : tuple of tuples of int
        A frame each: the `tdata` that goes in, and that must come out.
    build : int
        32 bits that name the build.
    watched : bool
        Whether the accelerator has a watchdog.
    """

    input_bits: int
    output_bits: int
    inputs: tuple[tuple[int, ...], ...]
    expected: tuple[tuple[int, ...], ...]
    build: int
    watched: bool = False

    def __post_init__(self) -> None:
        if not self.inputs or len(self.inputs) != len(self.expected):
            raise ValueError("inputs and expected must hold as many frames, at least one")
        for name, frames, bits in (
            ("inputs", self.inputs, self.input_bits), ("expected", self.expected, self.output_bits),
        ):  # fmt: skip
            if len({len(frame) for frame in frames}) != 1:
                raise ValueError(f"{name} must be frames of one length")
            if len(frames) * len(frames[0]) << lane_bits(bits) > 1 << REGION_BITS:
                raise ValueError(f"{name} must fit {1 << REGION_BITS} bytes")

    @property
    def slots(self) -> int:
        """Frames stored."""
        return len(self.inputs)


def lane_bits(bits: int) -> int:
    """Return the bits of an address that name a byte of a word: words begin at powers of two."""
    return bits_for_range(bits // 8) if bits > 8 else 0


class SelfTest(wiring.Component):
    """Play stored frames into an accelerator, over and over, and judge what it answers.

    A run begins when the register `run` (8 bits) is given a value other than `done`: it sends `frames`
    frames, those of the first `slots` places in turn, and ends with the last output; then `done` equals
    `run`. Writing the same number again changes nothing, so that a host may repeat itself. After reset a
    run of every stored frame begins by itself.

    `cycles` counts from the first input taken to the last output, `mismatches` frames with a wrong or
    misplaced output. `status` has bit 0 high during a run, bit 1 as `frame_error`, its upper half as `stuck`.

    Timing
    ------
    Offers an input every cycle and accepts an output every cycle.

    Parameters
    ----------
    config : SelfTestConfig

    Members
    -------
    m : Out(AxiStream), s : In(AxiStream)
        To and from the accelerator.
    address, write, write_data, read_data
        The bus of :class:`hdl.serial.bridge.SerialBridge`.
    frame_error : In(1), stuck : In(16), refused : In(1)
        From the accelerator, the second from its watchdog if any; a frame of the host that was given up.
    running, passed : Out(1)
        For lamps. `passed` is high when the last run ended without a mismatch.
    """

    def __init__(self, config: SelfTestConfig) -> None:
        self.config = config
        super().__init__(
            {
                "m": Out(AxiStream(config.input_bits)), "s": In(AxiStream(config.output_bits)),
                "address": In(REGION_BITS + 2), "write": In(1), "write_data": In(8), "read_data": Out(8),
                "frame_error": In(1), "refused": In(1), "running": Out(1), "passed": Out(1),
                "stuck": In(STUCK_BITS),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        m.submodules.inputs = inputs = _stored(config.input_bits, config.inputs)
        m.submodules.expected = expected = _stored(config.output_bits, config.expected)
        m.submodules.results = results = _stored(config.output_bits, [[0] * len(f) for f in config.expected])
        registers = {name: Signal(32, name=name) for name in READ_ONLY}
        inits = {"frames": config.slots, "slots": config.slots, "run": 1}
        registers |= {name: Signal(32, name=name, init=inits[name]) for name in WRITABLE}
        total, start, finished, refused = Signal(48), Signal(), Signal(), Signal()
        m.d.comb += [
            registers["magic"].eq(MAGIC), registers["build"].eq(config.build),
            registers["status"].eq(flags_and_stuck(Cat(self.running, self.frame_error), self.stuck)),
            registers["cycles"].eq(total), registers["cycles_high"].eq(total[32:]),
            self.passed.eq(~self.running & (registers["done"] != 0) & (registers["mismatches"] == 0)),
        ]  # fmt: skip
        m.d.sync += [
            refused.eq(self.refused), registers["refused"].eq(registers["refused"] + refused),
            # A cycle late, so that a run that ends is not taken for the next one.
            start.eq(~self.running & ~start & (registers["run"][:8] != registers["done"][:8])),
            self.running.eq((self.running | start) & ~finished),
        ]
        with m.If(finished):
            m.d.sync += registers["done"].eq(registers["run"][:8])
        player = inputs.read_port()
        began = self._play(m, registers, start, player)
        over = self._judge(m, registers, start, finished, expected.read_port(), results.write_port())
        with m.If(start):
            m.d.sync += total.eq(0)
        with m.Elif(began & ~over):
            m.d.sync += total.eq(total + 1)
        self._serve(m, registers, player, (inputs, expected, results))
        return m

    def _play(self, m: Module, registers: dict[str, Signal], start: Signal, port: memory.ReadPort) -> Signal:
        """Send the stored frames in turn; return whether the first transfer has passed, or does now."""
        left, slot, begun = Signal(32), Signal(range(self.config.slots + 1)), Signal()
        advance = (left != 0) & (~self.m.tvalid | self.m.tready)
        _, final = count_rounds(m, len(self.config.inputs[0]), advance)
        address = Signal(range(self.config.slots * len(self.config.inputs[0]) + 1))
        wrap = final & (slot + 1 == registers["slots"][: len(slot)])
        m.d.comb += [
            self.m.tdata.eq(port.data),
            port.addr.eq(Mux(self.running, address, self.address[lane_bits(self.config.input_bits) :])),
            port.en.eq(advance | ~self.running),
        ]
        with m.If(advance):
            m.d.sync += [self.m.tvalid.eq(1), self.m.tlast.eq(final), address.eq(Mux(wrap, 0, address + 1))]
        with m.Elif(self.m.tready):
            m.d.sync += self.m.tvalid.eq(0)
        with m.If(final):
            m.d.sync += [left.eq(left - 1), slot.eq(Mux(wrap, 0, slot + 1))]
        with m.If(start):
            m.d.sync += [left.eq(registers["frames"]), slot.eq(0), address.eq(0), begun.eq(0)]
        with m.If(self.m.tvalid & self.m.tready):
            m.d.sync += begun.eq(1)
        return begun | (self.m.tvalid & self.m.tready)

    def _judge(
        self, m: Module, registers: dict[str, Signal], start: Signal, finished: Signal,
        expected: memory.ReadPort, results: memory.WritePort,
    ) -> Signal:
        """Keep and compare what comes out; return whether the last output has passed."""
        take, left, slot, over = Signal(), Signal(32), Signal(range(self.config.slots + 1)), Signal()
        _, final = count_rounds(m, len(self.config.expected[0]), take)
        address = Signal(range(self.config.slots * len(self.config.expected[0]) + 1))
        wrap = final & (slot + 1 == registers["slots"][: len(slot)])
        m.d.comb += [self.s.tready.eq(1), take.eq(self.s.tvalid & self.running), expected.addr.eq(address)]
        m.d.sync += address.eq(Mux(take, Mux(wrap, 0, address + 1), address))
        with m.If(final):
            m.d.sync += [left.eq(left - 1), slot.eq(Mux(wrap, 0, slot + 1)), over.eq(left == 1)]
        # Stage 1: output beside expectation. Stage 2: away from block RAM. Stage 3: whether they differ.
        flags, kept = Cat(take, final, self.s.tlast), Signal(3)
        taken, ends, last, ended, wrong, faulty = (Signal() for _ in range(6))
        found, wanted = Signal.like(self.s.tdata), Signal.like(self.s.tdata)
        m.d.sync += [
            kept.eq(flags), Cat(taken, ends, last).eq(kept), ended.eq(ends), found.eq(results.data),
            results.data.eq(self.s.tdata), results.addr.eq(address), results.en.eq(take),
            wanted.eq(expected.data), wrong.eq(taken & ((found != wanted) | (last != ends))),
            finished.eq(self.running & over & ended),
        ]  # fmt: skip
        m.d.sync += faulty.eq((faulty | wrong) & ~ended)
        with m.If(ended & (faulty | wrong)):
            m.d.sync += registers["mismatches"].eq(registers["mismatches"] + 1)
        with m.If(start):
            m.d.sync += [
                left.eq(registers["frames"]), slot.eq(0), address.eq(0), over.eq(registers["frames"] == 0),
                registers["mismatches"].eq(0), ended.eq(registers["frames"] == 0),
            ]  # fmt: skip
        return over

    def _serve(
        self, m: Module, registers: dict[str, Signal], player: memory.ReadPort,
        memories: tuple[memory.Memory, memory.Memory, memory.Memory],
    ) -> None:  # fmt: skip
        """Let the bus read registers, inputs and results, and write registers, inputs and expectations."""
        inputs, expected, results = memories
        region = self.address[REGION_BITS:]
        for number, (stored, bits) in enumerate(
            ((inputs, self.config.input_bits), (expected, self.config.output_bits)), 1
        ):
            port = stored.write_port(granularity=8)
            lane = self.address[: lane_bits(bits)]
            m.d.sync += [
                port.addr.eq(self.address[lane_bits(bits) : REGION_BITS]),
                port.data.eq(self.write_data.replicate(len(port.data) // 8)),
                port.en.eq((self.write & (region == number)) << lane),
            ]
        kept = results.read_port()
        names = (*READ_ONLY, *WRITABLE)
        word, byte = self.address[2:REGION_BITS], self.address[:2]
        with m.If(self.write & (region == 0)):
            for name in WRITABLE:
                with m.If(word == names.index(name)):
                    m.d.sync += registers[name].word_select(byte, 8).eq(self.write_data)
        bits, chosen = self.config.output_bits, Signal(32)
        # A register behind block RAM, which is slow.
        frame, result = Signal.like(player.data), Signal.like(kept.data)
        m.d.comb += kept.addr.eq(self.address[lane_bits(bits) : REGION_BITS])
        m.d.sync += chosen.eq(Array(registers[name] for name in names)[word[:4]])
        m.d.sync += [frame.eq(player.data), result.eq(kept.data)]
        lanes = (self.address[: lane_bits(width)] for width in (self.config.input_bits, bits))
        found = [word.word_select(lane, 8) for word, lane in zip((frame, result), lanes, strict=True)]
        m.d.sync += self.read_data.eq(Array([chosen.word_select(byte, 8), *found, found[1]])[region])


def _stored(bits: int, frames: Sequence[Sequence[int]]) -> memory.Memory:
    words = [word for frame in frames for word in frame]
    # A power-of-two depth keeps addresses past the end defined.
    return memory.Memory(shape=bits, depth=1 << bits_for_range(len(words)), init=words)
