"""A design on a board with nothing but a clock and a serial line: the host's bridge and the self-test."""

from pathlib import Path
from typing import Any

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In, Out

from boards.shells.pll import Pll
from hdl.axi.self_test import SelfTest, SelfTestConfig
from hdl.serial.bridge import SerialBridge
from hdl.serial.uart import UartConfig, UartReceiver, UartTransmitter
from sim.contract import AxisPort, load_contract
from sim.vectors import load_vectors, pack_frames

__all__ = ["SerialCore", "SerialShell", "stored_frames"]

LINE_BYTES = 2048
"""Of requests that wait while one is carried out; a host keeps no more than that under way."""


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
    """

    def __init__(self, config: SelfTestConfig) -> None:
        self.config = config
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
        m.submodules.accelerator = Instance(
            "top", i_clk=ClockSignal(), i_rst=ResetSignal(),
            i_s_axis_tdata=test.m.tdata, i_s_axis_tvalid=test.m.tvalid, i_s_axis_tlast=test.m.tlast,
            o_s_axis_tready=test.m.tready, o_m_axis_tdata=test.s.tdata, o_m_axis_tvalid=test.s.tvalid,
            o_m_axis_tlast=test.s.tlast, i_m_axis_tready=test.s.tready, o_frame_error=test.frame_error,
            **watchdog,
        )  # fmt: skip
        m.d.comb += [
            waiting.w_data.eq(self.i.payload), waiting.w_en.eq(self.i.valid), self.i.ready.eq(waiting.w_rdy),
            bridge.i.payload.eq(waiting.r_data), bridge.i.valid.eq(waiting.r_rdy),
            waiting.r_en.eq(bridge.i.ready), self.o.payload.eq(bridge.o.payload),
            self.o.valid.eq(bridge.o.valid), bridge.o.ready.eq(self.o.ready),
            test.address.eq(bridge.address), test.write.eq(bridge.write), test.refused.eq(bridge.refused),
            test.write_data.eq(bridge.write_data), bridge.read_data.eq(test.read_data),
            self.running.eq(test.running), self.passed.eq(test.passed),
        ]  # fmt: skip
        return m


class SerialShell(Elaboratable):
    """The core in a clock of its own, the line in that of the board, for an ECP5 board of amaranth-boards.

    The line keeps its speed whatever clock the accelerator reaches.
    """

    def __init__(self, config: SelfTestConfig, pll: Pll, baud: int) -> None:
        self.config, self.pll, self.baud = config, pll, baud

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        board_clock = platform.request(platform.default_clk)
        m.domains.line = ClockDomain(reset_less=True)
        m.domains.sync = ClockDomain()
        system, locked = Signal(), Signal()
        m.submodules.pll = self.pll.instance(board_clock.i, system, locked)
        m.d.comb += [ClockSignal("line").eq(board_clock.i), ClockSignal().eq(system)]
        m.submodules.reset = ResetSynchronizer(~locked, domain="sync")
        m.submodules.core = core = SerialCore(self.config)
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
