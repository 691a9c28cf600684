"""The registers by which a host starts a kernel, hands it arguments, and reads what became of it."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.axi.axi_lite import AxiLite, RegisterPort

__all__ = ["ControlConfig", "KernelControl"]

Fields = tuple[tuple[str, int], ...]

CONTROL, INTERRUPT_ENABLE, EVENT_ENABLE, EVENTS = 0x00, 0x04, 0x08, 0x0C
FIRST_ARGUMENT, CLEAR, FIRST_RESULT, FIRST_SETTING = 0x10, 0x7C, 0x80, 0x400
START, DONE, IDLE, READY = 0, 1, 2, 3


@dataclass(frozen=True, kw_only=True)
class ControlConfig:
    """Which registers there are, besides those of the protocol `ap_ctrl_hs`.

    Parameters
    ----------
    arguments : ((name, bits), ...)
        What the host writes: 32 or 64 bits each.
    results : ((name, bits), ...)
        What it reads: 32 or 64 bits each.
    settings, states : ((name, bits), ...)
        What the host writes, and reads, besides: those that no start of a run hands over. Settings are
        all ones at first.
    clears : bool
        Whether a run may be given up: not where a memory would be left waiting.
    address_bits : int
        Of the AXI4-Lite port.
    """

    arguments: Fields
    results: Fields
    settings: Fields = ()
    states: Fields = ()
    clears: bool = False
    address_bits: int = 12

    def __post_init__(self) -> None:
        fields = (*self.arguments, *self.results, *self.settings, *self.states)
        names = [name for name, _ in fields]
        if len(names) != len(set(names)):
            raise ValueError(f"names must be unique, not {names}")
        for name, bits in fields:
            if bits not in (32, 64):
                raise ValueError(f"{name} must have 32 or 64 bits, not {bits!r}")
        ends = [
            ("arguments", self._end(FIRST_ARGUMENT, self.arguments, 4), CLEAR),
            ("results", self._end(FIRST_RESULT, self.results, 0), min(FIRST_SETTING, 1 << self.address_bits)),
        ]
        if beyond := (*self.settings, *self.states):
            ends.append(("states", self._end(FIRST_SETTING, beyond, 0), 1 << self.address_bits))
        for kind, end, limit in ends:
            if end > limit:
                raise ValueError(f"{kind} must end at {limit:#x}, not {end:#x}")

    @staticmethod
    def _end(first: int, fields: Fields, gap: int) -> int:
        return first + sum(bits // 8 + gap for _, bits in fields)

    @property
    def offsets(self) -> dict[str, int]:
        """Byte address of each argument, result, setting and state; of 64 bits the lower half stands first.

        >>> ControlConfig(arguments=(("a", 64), ("n", 32)), results=(("version", 32),)).offsets
        {'a': 16, 'n': 28, 'version': 128}
        """
        found = {}
        for first, fields, gap in (
            (FIRST_ARGUMENT, self.arguments, 4), (FIRST_RESULT, self.results, 0),
            (FIRST_SETTING, (*self.settings, *self.states), 0),
        ):  # fmt: skip
            address = first
            for name, bits in fields:
                found[name] = address
                # Vendor tools leave a word free behind each argument.
                address += bits // 8 + gap
        return found


class KernelControl(wiring.Component):
    """Answer a host, start runs and tell how they end.

    Registers stand at these byte addresses:

    ==== =========================================================================================
    0x00 bit 0 start: write 1; reads 1 until the run is done. Bit 1 done: since the last read. Bit 2
         idle. Bit 3 ready: as done
    0x04 bit 0 lets the interrupt out
    0x08 bit 0 makes done an event, bit 1 ready
    0x0C the events there were; writing 1 to a bit turns it over
    0x10 arguments, each with a free word behind it
    0x7C bit 0 clear, where the kernel knows it: write 1 to give up a run and reset what does it
    0x80 results
    0x400 settings, and behind them states
    ==== =========================================================================================

    Any other address reads 0, and writing there does nothing.

    Timing
    ------
    `start` is high for one cycle, in the one after the write. Arguments hold still unless the host writes.

    Parameters
    ----------
    config : ControlConfig

    Members
    -------
    bus : In(AxiLite(config.address_bits))
    start, clear : Out(1)
    done : In(1)
        High for a cycle when a run ends, at the earliest in the cycle after `start`.
    interrupt : Out(1)
    NAME : Out(bits) for each argument and setting, In(bits) for each result and state
    """

    def __init__(self, config: ControlConfig) -> None:
        self.config = config
        super().__init__(
            {
                "bus": In(AxiLite(config.address_bits)),
                "start": Out(1),
                "clear": Out(1),
                "done": In(1),
                "interrupt": Out(1),
                **{name: Out(bits) for name, bits in config.arguments},
                **{name: Out(bits, init=(1 << bits) - 1) for name, bits in config.settings},
                **{name: In(bits) for name, bits in (*config.results, *config.states)},
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.port = port = RegisterPort(self.config.address_bits)
        wiring.connect(m, wiring.flipped(self.bus), port.bus)
        running, ended = Signal(), Signal()
        let_out, events, enabled = Signal(), Signal(2), Signal(2)
        lowest = port.write & port.write_strobe[0]

        def written(address: int) -> Signal:
            return lowest & (port.write_address == address >> 2)

        m.d.comb += self.interrupt.eq(let_out & events.any())
        m.d.sync += [self.start.eq(0), self.clear.eq(0)]
        with m.If(written(CONTROL) & port.write_data[START] & ~running):
            m.d.sync += [self.start.eq(1), running.eq(1)]
        with m.If(self.done | self.clear):
            m.d.sync += running.eq(0)
        reads_control = port.read & (port.read_address == CONTROL >> 2)
        m.d.sync += ended.eq(self.done | (ended & ~reads_control))
        toggled = Mux(written(EVENTS), port.write_data[:2], 0)
        m.d.sync += events.eq((events ^ toggled) | (self.done.replicate(2) & enabled))
        with m.If(written(INTERRUPT_ENABLE)):
            m.d.sync += let_out.eq(port.write_data[0])
        with m.If(written(EVENT_ENABLE)):
            m.d.sync += enabled.eq(port.write_data[:2])
        if self.config.clears:
            with m.If(written(CLEAR)):
                m.d.sync += self.clear.eq(port.write_data[0])
        self._store_arguments(m, port)
        own = {
            CONTROL: Cat(running, ended, ~running, ended),
            INTERRUPT_ENABLE: let_out,
            EVENT_ENABLE: enabled,
            EVENTS: events,
        }
        with m.Switch(port.read_address):
            config = self.config
            fields = (*config.arguments, *config.results, *config.settings, *config.states)
            for address, value in (own | self._halves(fields)).items():
                with m.Case(address >> 2):
                    m.d.comb += port.read_data.eq(value)
        return m

    def _halves(self, fields: Fields) -> dict[int, Signal]:
        """Return every word of some fields, by its byte address."""
        words = {}
        for name, bits in fields:
            for low in range(0, bits, 32):
                words[self.config.offsets[name] + low // 8] = getattr(self, name)[low : low + 32]
        return words

    def _store_arguments(self, m: Module, port: RegisterPort) -> None:
        for address, word in self._halves((*self.config.arguments, *self.config.settings)).items():
            with m.If(port.write & (port.write_address == address >> 2)):
                for byte in range(4):
                    with m.If(port.write_strobe[byte]):
                        m.d.sync += word[8 * byte : 8 * byte + 8].eq(port.write_data[8 * byte : 8 * byte + 8])
