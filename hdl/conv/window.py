"""Sliding windows over a stream of pixels, whatever a pixel is: a number, a group of them, or winners."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hdl.conv.window_geometry import WindowConfig, WindowFormat, windows

__all__ = ["Window", "WindowConfig", "WindowFormat", "windows"]


class Window(wiring.Component):
    """Hold the rows that windows span, and offer the windows in raster order.

    Rows go round in a ring of `2 × kernel rows`, kernel rows memories with two rows each, so that the
    next frame's first rows come in while the last of this one are read. A row is fetched word by word, ahead
    of the windows, once all the rows that it needs are complete. The window shifts by the columns of a step;
    a row's first windows are loaded from a word, or from two, if those hold all of their columns.

    Timing
    ------
    A beat of windows a cycle, or in two cycles if `config.rests`, except that a row begins with
    `config.idle_steps` cycles without one: none where its first windows are loaded whole. A stalled output
    stalls the reading; the writing goes on while the ring has room. If `config.rests`, nothing but `o.valid`
    depends on `o.ready` in the same cycle.

    Resources
    ---------
    Memory for `2 × kernel rows × width` pixels, registers for a window and, where it looks ahead, for a
    word (estimated).

    Parameters
    ----------
    config : WindowConfig

    Members
    -------
    i : In(stream.Signature(bits × pixels_per_beat))
        Pixels, raster order, the left one in the lowest bits, frame behind frame.
    o : Out(stream.Signature(ArrayLayout(bits, taps)))
    """

    def __init__(self, config: WindowConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(config.bits * config.pixels_per_beat)),
                "o": Out(stream.Signature(data.ArrayLayout(config.bits, config.taps))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        held = Signal(range(config.ring_rows + 1))
        completed = self._write(m, held)

        # Stage 1: fetch a word of each row.
        fetched, room, fetch = Signal(), Signal(), Signal()
        released, ahead = self._fetch(m, held, room, fetch)
        leave, at_once = Signal(), not config.lazy
        # Whether there is room for a row: known a cycle early, as much waits for it.
        stay, vacant = Signal.like(held), Signal(init=1)
        m.d.comb += [stay.eq(held + completed - released), self.i.ready.eq(vacant)]
        m.d.sync += [held.eq(stay), vacant.eq(stay != config.ring_rows)]
        m.d.comb += room.eq(~fetched | (leave & at_once))
        m.d.sync += fetched.eq(fetch | (fetched & ~leave))

        # Stage 2, where a row's first windows need two words: keep one while the next is fetched.
        go, done, free = Signal(), Signal(), Signal()
        m.d.comb += free.eq(~self.o.valid if config.rests else ~self.o.valid | self.o.ready)
        step = Signal(range(config.steps))
        opens = Signal(init=1)  # the first step of a row
        if config.looks_ahead:
            present = Signal()
            current = [Signal.like(word, reset_less=True) for word in ahead]
            m.d.comb += [
                leave.eq(fetched & (~present | (done & at_once))),
                go.eq(present & ((step != 0) | fetched) & free),
            ]
            m.d.sync += present.eq(leave | (present & ~done))
            with m.If(leave):
                m.d.sync += [kept.eq(word) for kept, word in zip(current, ahead, strict=True)]
            rows = [Cat(kept, word) for kept, word in zip(current, ahead, strict=True)]
        else:
            rows = ahead
            m.d.comb += [leave.eq(done), go.eq(fetched & free)]

        # Last stage: shift the window.
        chunk = self._step(m, step, opens, go, done)
        with m.If(free):
            m.d.sync += self.o.valid.eq(go & (step >= config.idle_steps))
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        for row, words in enumerate(rows):
            line = self._line(m, words, opens, chunk, go)
            for column in range(config.span):
                m.d.comb += self.o.payload[row * config.span + column].eq(line[column])
        return m

    def _step(self, m: Module, step: Signal, opens: Signal, go: Signal, done: Signal) -> Signal:
        """Count the steps of a row; say which columns of its word each takes, and when that is done with.

        What a step is to a row is known a cycle early, as much waits for it.
        """
        config = self.config
        chunks, only = config.pixels_per_beat // config.windows_per_beat, config.steps == 1
        chunk, following = Signal(range(chunks)), Signal(range(chunks))
        last, ends = Signal(init=only), Signal(init=only or config.first_step_ends_word)
        m.d.comb += [
            done.eq(go & ends),
            following.eq(Mux(opens, config.second_chunk, Mux(chunk == chunks - 1, 0, chunk + 1))),
        ]
        with m.If(go):
            m.d.sync += [
                step.eq(step + 1), chunk.eq(following), opens.eq(0), last.eq(step == config.steps - 2),
                ends.eq((step == config.steps - 2) | (following == chunks - 1)),
            ]  # fmt: skip
            with m.If(last):
                m.d.sync += [step.eq(0), chunk.eq(0), opens.eq(1), last.eq(last.init), ends.eq(ends.init)]
        return chunk

    def _line(self, m: Module, words: Value, first: Value, chunk: Signal, go: Signal) -> list[Signal]:
        """Return the columns of one row of the window; they shift, or are loaded by a row's first step."""
        config = self.config
        bits, together = config.bits, config.windows_per_beat
        line = [Signal(bits, name=f"pixel{n}", reset_less=True) for n in range(config.end - config.start)]
        one_word = words[: bits * config.pixels_per_beat]
        coming = one_word.word_select(chunk, bits * together)
        shifted = [*line[together:], *(coming.word_select(n, bits) for n in range(together))]
        for place, (pixel, value) in enumerate(zip(line, shifted, strict=True)):
            column = config.loaded - len(line) + place
            if config.loaded > together and column >= 0:
                value = Mux(first, words.word_select(column, bits), value)
            with m.If(go):
                m.d.sync += pixel.eq(value)
        return line

    def _write(self, m: Module, held: Signal) -> Signal:
        """Put arriving pixels into the ring; return the pulse that completes a row."""
        config = self.config
        words = config.width // config.pixels_per_beat
        bank, slot = Signal(range(config.kernel[0])), Signal()
        column, completed = Signal(range(words)), Signal()
        accepted = self.i.valid & self.i.ready
        m.d.comb += completed.eq(accepted & (column == words - 1))
        with m.If(accepted):
            m.d.sync += column.eq(Mux(completed, 0, column + 1))
        with m.If(completed):
            m.d.sync += bank.eq(bank + 1)
            with m.If(bank == config.kernel[0] - 1):
                m.d.sync += [bank.eq(0), slot.eq(~slot)]
        self.storage = []
        for number in range(config.kernel[0]):
            stored = memory.Memory(shape=len(self.i.payload), depth=2 * words, init=[])
            m.submodules[f"rows{number}"] = stored
            self.storage.append(stored)
            port = stored.write_port()
            m.d.comb += [
                port.addr.eq(column + Mux(slot, words, 0)),
                port.data.eq(self.i.payload),
                port.en.eq(accepted & (bank == number)),
            ]
        return completed

    def _fetch(self, m: Module, held: Signal, room: Signal, fetch: Signal) -> tuple[Value, list[Value]]:
        """Walk the words of the rows; return how many rows are released, and the word of each read."""
        config = self.config
        kernel_rows, image_words = config.kernel[0], config.width // config.pixels_per_beat
        ring = range(config.ring_rows)
        row, word = Signal(range(config.rows)), Signal(range(config.words))
        needed, released_count, visible = self._look_up_row(m, row, held)
        inside = (word >= config.padded_words) & (word < config.padded_words + image_words)
        # Where in a row a word is: known a cycle early, as much waits for it.
        only = config.words == 1
        first_word, last = Signal(init=1), Signal(init=only)
        m.d.comb += fetch.eq(room & (~first_word | (held >= needed)))
        with m.If(fetch):
            m.d.sync += [word.eq(word + 1), first_word.eq(only), last.eq(word == config.words - 2)]
            with m.If(last):
                m.d.sync += [word.eq(0), first_word.eq(1), last.eq(only)]
                m.d.sync += row.eq(Mux(row == config.rows - 1, 0, row + 1))
        first = self._first_row(m, row, fetch & last)
        place, shown = Signal(range(image_words)), Signal(kernel_rows)
        m.d.comb += place.eq(word - config.padded_words)
        ports = [stored.read_port() for stored in self.storage]
        for bank, port in enumerate(ports):
            # The half of it that is read, by where the first row lies in the ring.
            halves = ((start // kernel_rows + (bank < start % kernel_rows)) % 2 for start in ring)
            second = Array(map(Const, halves))[first]
            m.d.comb += [port.addr.eq(place + Mux(second, image_words, 0)), port.en.eq(fetch)]
        with m.If(fetch):
            m.d.sync += shown.eq(Mux(inside, visible, 0))
        # Turn the memories into rows; what padding covers is masked.
        lines = []
        for number in range(kernel_rows):
            words, bank = ports[0].data, Signal(range(kernel_rows), name=f"bank{number}")
            if kernel_rows > 1:
                turned = Array((start + number) % kernel_rows for start in ring)
                with m.If(fetch):
                    m.d.sync += bank.eq(turned[first])
                words = Array(port.data for port in ports)[bank]
            line = Signal(len(self.i.payload), name=f"line{number}")
            m.d.comb += line.eq(Mux(shown[number], words, 0))
            lines.append(line)
        return Mux(fetch & last, released_count, 0), lines

    def _first_row(self, m: Module, row: Signal, leave: Value) -> Signal:
        """Return where in the ring the first row of the windows lies."""
        config, ring = self.config, self.config.ring_rows
        # Before the image at the top padding.
        first, advanced = Signal(range(ring), init=-config.padding[0] % ring), Signal(range(3 * ring))
        m.d.comb += advanced.eq(first + 1)
        with m.If(row == config.rows - 1):
            m.d.comb += advanced.eq(first + (config.height - config.rows + 1) % ring)
        with m.If(leave):
            m.d.sync += first.eq(Mux(advanced >= ring, advanced - ring, advanced))
        return first

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
