"""Sliding windows over a stream of pixels, whatever a pixel is: a number, a group of them, or winners."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.conv.window_geometry import WindowConfig, WindowFormat, windows

__all__ = ["Window", "WindowConfig", "WindowFormat", "windows"]


class Window(wiring.Component):
    """Hold the rows that windows span, and offer the windows in raster order.

    Rows go round in a ring of `2 × kernel rows`, kernel rows memories with two rows each, so that the
    next frame's first rows come in while the last of this one are read. A row is read column by column,
    once all the rows that it needs are complete.

    Timing
    ------
    One window per cycle, except that a row begins with `kernel columns - 1` cycles without one. A stalled
    output stalls the reading; the writing goes on while the ring has room.

    Resources
    ---------
    Memory for `2 × kernel rows × width` pixels, registers for a window (estimated).

    Parameters
    ----------
    config : WindowConfig

    Members
    -------
    i : In(stream.Signature(bits))
        Pixels, raster order, frame behind frame.
    o : Out(stream.Signature(ArrayLayout(bits, taps)))
    """

    def __init__(self, config: WindowConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(config.bits)),
                "o": Out(stream.Signature(data.ArrayLayout(config.bits, config.taps))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        kernel_rows, kernel_columns = config.kernel
        held = Signal(range(config.ring_rows + 1))
        enable = Signal()
        m.d.comb += enable.eq(~self.o.valid | self.o.ready)

        completed = self._write(m, held)
        reader = self._read(m, held, enable)
        m.d.sync += held.eq(held + completed - reader["released"])

        # Stage 1: fetch a column, one pixel from each memory; padding is masked afterwards.
        rows_of_bank = [self.storage[bank].read_port() for bank in range(kernel_rows)]
        pixel_column = Signal(range(config.width))
        m.d.comb += pixel_column.eq(reader["step"] - config.padding[2])
        for bank, port in enumerate(rows_of_bank):
            second = Mux(bank >= reader["bank"], reader["slot"], ~reader["slot"])
            m.d.comb += [
                port.addr.eq(pixel_column + Mux(second[0], config.width, 0)),
                port.en.eq(enable),
            ]
        fetched, first_bank = Signal(), Signal.like(reader["bank"])
        visible, shift = Signal(kernel_rows), Signal()
        with m.If(enable):
            m.d.sync += [
                shift.eq(reader["steps"]),
                fetched.eq(reader["steps"] & (reader["step"] >= kernel_columns - 1)),
                first_bank.eq(reader["bank"]),
                visible.eq(reader["visible"]),
                # Stage 2: turn the memories into rows, and shift the window by a column.
                self.o.valid.eq(fetched),
            ]
        pixels = Array(port.data for port in rows_of_bank)
        for row in range(kernel_rows):
            bank = Signal(range(2 * kernel_rows))
            m.d.comb += bank.eq(first_bank + row)
            wrapped = Mux(bank >= kernel_rows, bank - kernel_rows, bank)
            pixel = Mux(visible[row], pixels[wrapped] if kernel_rows > 1 else pixels[0], 0)
            line = [self.o.payload[row * kernel_columns + column] for column in range(kernel_columns)]
            with m.If(enable & shift):
                m.d.sync += [kept.eq(later) for kept, later in zip(line, [*line[1:], pixel], strict=True)]
        return m

    def _write(self, m: Module, held: Signal) -> Signal:
        """Put arriving pixels into the ring; return the pulse that completes a row."""
        config = self.config
        bank, slot = Signal(range(config.kernel[0])), Signal()
        column, completed = Signal(range(config.width)), Signal()
        m.d.comb += self.i.ready.eq(held != config.ring_rows)
        accepted = self.i.valid & self.i.ready
        m.d.comb += completed.eq(accepted & (column == config.width - 1))
        with m.If(accepted):
            m.d.sync += column.eq(Mux(completed, 0, column + 1))
        with m.If(completed):
            m.d.sync += bank.eq(bank + 1)
            with m.If(bank == config.kernel[0] - 1):
                m.d.sync += [bank.eq(0), slot.eq(~slot)]
        self.storage = []
        for number in range(config.kernel[0]):
            stored = memory.Memory(shape=config.bits, depth=2 * config.width, init=[])
            m.submodules[f"rows{number}"] = stored
            self.storage.append(stored)
            port = stored.write_port()
            m.d.comb += [
                port.addr.eq(column + Mux(slot, config.width, 0)),
                port.data.eq(self.i.payload),
                port.en.eq(accepted & (bank == number)),
            ]
        return completed

    def _read(self, m: Module, held: Signal, enable: Signal) -> dict[str, Signal]:
        """Walk the windows: which row, which column, where the first row of the window lies."""
        config = self.config
        kernel_rows, ring = config.kernel[0], config.ring_rows
        row, step = Signal(range(config.rows)), Signal(range(config.steps))
        # The ring position of the window's first row; before the image at the top padding.
        first = Signal(range(ring), init=-config.padding[0] % ring)
        needed, released_count, visible = self._look_up_row(m, row, held)
        left = config.padding[2]
        in_image = (step >= left) & (step < left + config.width)
        steps, last = Signal(), Signal()
        m.d.comb += [
            steps.eq(enable & ((step != 0) | (held >= needed))),
            last.eq(step == config.steps - 1),
        ]
        with m.If(steps):
            m.d.sync += step.eq(Mux(last, 0, step + 1))
        advanced = Signal(range(3 * ring))
        m.d.comb += advanced.eq(first + 1)
        with m.If(row == config.rows - 1):
            jump = (config.height - config.rows + 1) % ring
            m.d.comb += advanced.eq(first + jump)
        with m.If(steps & last):
            m.d.sync += [
                row.eq(Mux(row == config.rows - 1, 0, row + 1)),
                first.eq(Mux(advanced >= ring, advanced - ring, advanced)),
            ]
        second = first >= kernel_rows
        return {
            "step": step,
            "steps": steps,
            "slot": second,
            "bank": Mux(second, first - kernel_rows, first)[: held.shape().width],
            "visible": Mux(in_image, visible, 0),
            "released": Mux(steps & last, released_count, 0),
        }

    def _look_up_row(self, m: Module, row: Signal, held: Signal) -> tuple[Signal, Signal, Signal]:
        """Return what a row of windows needs, what it releases, and which of its lines lie in the image."""
        config = self.config
        needed, released_count = Signal.like(held), Signal.like(held)
        visible = Signal(config.kernel[0])
        with m.Switch(row):
            for number in range(config.rows):
                with m.Case(number):
                    top = number - config.padding[0]
                    inside = sum(1 << r for r in range(config.kernel[0]) if 0 <= top + r < config.height)
                    m.d.comb += [
                        needed.eq(config.rows_needed(number)),
                        released_count.eq(config.rows_released(number)),
                        visible.eq(inside),
                    ]
        return needed, released_count, visible

    def _row_facts(self, m: Module, row: Signal, held: Signal) -> tuple[Signal, Signal, Signal]:
        """Look up how many rows a row of windows needs and releases, and which of its rows are image."""
        config = self.config
        needed, released = Signal.like(held), Signal.like(held)
        visible = Signal(config.kernel[0])
        with m.Switch(row):
            for number in range(config.rows):
                with m.Case(number):
                    top = number - config.padding[0]
                    inside = [0 <= top + r < config.height for r in range(config.kernel[0])]
                    m.d.comb += [
                        needed.eq(config.rows_needed(number)),
                        released.eq(config.rows_released(number)),
                        visible.eq(sum(shown << r for r, shown in enumerate(inside))),
                    ]
        return needed, released, visible
