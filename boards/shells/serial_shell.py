"""A design on a board with nothing but a clock and a serial line: the host's bridge and the self-test."""

from pathlib import Path
from typing import Any

from amaranth.hdl import (
    Array,
    Cat,
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Elaboratable,
    Instance,
    Module,
    Mux,
    ResetSignal,
    Signal,
)
from amaranth.lib import fifo, memory, stream, wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out

from boards.shells.pll import Pll
from boards.shells.ports import chain_pins
from hdl.axi.self_test import SelfTest, SelfTestConfig
from hdl.memory.load_port import LoadPort
from hdl.serial.bridge import SerialBridge
from hdl.serial.uart import UartConfig, UartReceiver, UartTransmitter
from hdl.streams.queue import Queue, QueueConfig
from sim.contract import AxisPort, load_contract
from sim.vectors import load_vectors, pack_frames

__all__ = [
    "LOADING", "LOADING_REGISTERS", "PAGE_BYTES", "SerialCore", "SerialShell", "stored_frames",
]  # fmt: skip

LINE_BYTES = 2048
"""Of requests that wait while one is carried out; a host keeps no more than that under way."""

LOADING = 1 << 17
"""Where on the bus the page of weights begins, and at `LOADING_REGISTERS` what says how the load goes."""
LOADING_REGISTERS = LOADING + 256
PAGE_BYTES = 64


def stored_frames(directory: Path, slots: int, build: int) -> SelfTestConfig:
    """Return the first vectors of a build directory, as many as there are up to `slots`."""
    contract = load_contract(directory)
    vectors = load_vectors(directory / "vectors.npz", contract).first(slots)
    logits = vectors.logits.reshape(-1, *contract.output.shape)
    return SelfTestConfig(
        input_bits=contract.input.data_bits, output_bits=contract.output.data_bits,
        inputs=_words(vectors.x, contract.input), expected=_words(logits, contract.output), build=build,
        watched=bool(contract.watched),
    )  # fmt: skip


def _words(frames: Any, port: AxisPort) -> tuple[tuple[int, ...], ...]:
    words = [int.from_bytes(bytes(row), "big") for row in pack_frames(frames, port)]
    return tuple(tuple(words[n : n + port.beats]) for n in range(0, len(words), port.beats))


class SerialCore(wiring.Component):
    """An accelerator between self-test and host; everything of a shell that does not depend on a board.

    Members
    -------
    i, o : streams of bytes from and to the line
    running, passed : Out(1)
        Of the self-test.

    Parameters
    ----------
    config : SelfTestConfig
    weights_bytes : int
        Of the memories of the accelerator that can be loaded.
    """

    def __init__(self, config: SelfTestConfig, weights_bytes: int = 0) -> None:
        self.config, self.weights_bytes = config, weights_bytes
        super().__init__(
            {
                "i": In(stream.Signature(8)), "o": Out(stream.Signature(8)),
                "running": Out(1), "passed": Out(1),
            }
        )  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.waiting = waiting = fifo.SyncFIFOBuffered(width=8, depth=LINE_BYTES)
        m.submodules.bridge = bridge = SerialBridge()
        m.submodules.self_test = test = SelfTest(self.config)
        watchdog = {"o_stuck": test.stuck} if self.config.watched else {}
        # Block RAM is slow, and so are the gray counters of what crosses clocks: each has a cycle of its own.
        m.submodules.arriving = arriving = Queue(QueueConfig(bits=8, depth=2))
        m.submodules.following = following = Queue(QueueConfig(bits=8, depth=2))
        m.submodules.leaving = leaving = Queue(QueueConfig(bits=8, depth=2))
        port = self._load_port(m, bridge, test) if self.weights_bytes else None
        m.submodules.accelerator = Instance(
            "top", i_clk=ClockSignal(), i_rst=ResetSignal() | (port.hold if port else 0), **chain_pins(port),
            i_s_axis_tdata=test.m.tdata, i_s_axis_tvalid=test.m.tvalid, i_s_axis_tlast=test.m.tlast,
            o_s_axis_tready=test.m.tready, o_m_axis_tdata=test.s.tdata, o_m_axis_tvalid=test.s.tvalid,
            o_m_axis_tlast=test.s.tlast, i_m_axis_tready=test.s.tready, o_frame_error=test.frame_error,
            **watchdog,
        )  # fmt: skip
        m.d.comb += [
            arriving.i.payload.eq(self.i.payload), arriving.i.valid.eq(self.i.valid),
            self.i.ready.eq(arriving.i.ready), waiting.w_data.eq(arriving.o.payload),
            waiting.w_en.eq(arriving.o.valid), arriving.o.ready.eq(waiting.w_rdy),
            following.i.payload.eq(waiting.r_data), following.i.valid.eq(waiting.r_rdy),
            waiting.r_en.eq(following.i.ready), bridge.i.payload.eq(following.o.payload),
            bridge.i.valid.eq(following.o.valid), following.o.ready.eq(bridge.i.ready),
            leaving.i.payload.eq(bridge.o.payload), leaving.i.valid.eq(bridge.o.valid),
            bridge.o.ready.eq(leaving.i.ready), self.o.payload.eq(leaving.o.payload),
            self.o.valid.eq(leaving.o.valid), leaving.o.ready.eq(self.o.ready),
            test.address.eq(bridge.address), test.write_data.eq(bridge.write_data),
            test.refused.eq(bridge.refused), self.running.eq(test.running), self.passed.eq(test.passed),
        ]  # fmt: skip
        if port is None:
            m.d.comb += [test.write.eq(bridge.write), bridge.read_data.eq(test.read_data)]
        return m

    def _load_port(self, m: Module, bridge: SerialBridge, test: SelfTest) -> LoadPort:
        """Put what loads weights beside the self-test on the bus."""
        m.submodules.load_port = port = LoadPort(PAGE_BYTES, self.weights_bytes)
        m.submodules.page = page = memory.Memory(shape=8, depth=PAGE_BYTES, init=[])
        write, read = page.write_port(), page.read_port(domain="comb")
        number, kept = Signal(32, init=-1), Signal(24)
        chosen = bridge.address[LOADING.bit_length() - 1 :] == 1
        register, byte = bridge.address[2:4], bridge.address[:2]
        in_registers = chosen & bridge.address[8]
        found, chosen_before = Signal(8), Signal()
        m.d.comb += [
            test.write.eq(bridge.write & ~chosen), write.en.eq(bridge.write & chosen & ~in_registers),
            write.addr.eq(bridge.address), write.data.eq(bridge.write_data), read.addr.eq(port.index),
            port.byte.eq(read.data), port.number.eq(number),
            bridge.read_data.eq(Mux(chosen_before, found, test.read_data)),
        ]  # fmt: skip
        words = Array([number, port.done, port.checksum, port.status])
        m.d.sync += [chosen_before.eq(chosen), found.eq(words[register].word_select(byte, 8))]
        # All of a number counts, or nothing: its bytes come one by one, the highest last.
        with m.If(bridge.write & in_registers & (register == 0)):
            m.d.sync += kept.eq(Cat(kept[8:], bridge.write_data))
            with m.If(byte == 3):
                m.d.sync += number.eq(Cat(kept, bridge.write_data))
        return port


class SerialShell(Elaboratable):
    """The core in a clock of its own, the line in that of the board, for an ECP5 board of amaranth-boards.

    The line keeps its speed whatever clock the accelerator reaches.
    """

    def __init__(self, config: SelfTestConfig, pll: Pll, baud: int, weights_bytes: int = 0) -> None:
        self.config, self.pll, self.baud, self.weights_bytes = config, pll, baud, weights_bytes

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        board_clock = platform.request(platform.default_clk)
        m.domains.line = ClockDomain(reset_less=True)
        m.domains.sync = ClockDomain()
        system, locked = Signal(), Signal()
        m.submodules.pll = self.pll.instance(board_clock.i, system, locked)
        m.d.comb += [ClockSignal("line").eq(board_clock.i), ClockSignal().eq(system)]
        m.submodules.reset = ResetSynchronizer(~locked, domain="sync")
        m.submodules.core = core = SerialCore(self.config, self.weights_bytes)
        self._line(m, platform.request("uart"), core)
        for number, value in enumerate((core.running, core.passed, ~core.running & ~core.passed)):
            m.d.comb += platform.request("led", number).o.eq(value)
        return m

    def _line(self, m: Module, pins: Any, core: SerialCore) -> None:
        """Join the core to the pins, byte by byte across the clocks."""
        speed = UartConfig(clock_hz=round(self.pll.input_mhz * 1e6), baud=self.baud)
        receiver, transmitter = UartReceiver(speed), UartTransmitter(speed)
        m.submodules.receiver = DomainRenamer("line")(receiver)
        m.submodules.transmitter = DomainRenamer("line")(transmitter)
        m.submodules.heard = heard = fifo.AsyncFIFO(width=8, depth=16, w_domain="line", r_domain="sync")
        m.submodules.said = said = fifo.AsyncFIFO(width=8, depth=16, w_domain="sync", r_domain="line")
        m.d.comb += [
            receiver.line.eq(pins.rx.i), pins.tx.o.eq(transmitter.line),
            heard.w_data.eq(receiver.o.payload), heard.w_en.eq(receiver.o.valid),
            core.i.payload.eq(heard.r_data), core.i.valid.eq(heard.r_rdy), heard.r_en.eq(core.i.ready),
            said.w_data.eq(core.o.payload), said.w_en.eq(core.o.valid), core.o.ready.eq(said.w_rdy),
            transmitter.i.payload.eq(said.r_data), transmitter.i.valid.eq(said.r_rdy),
            said.r_en.eq(transmitter.i.ready),
        ]  # fmt: skip
