"""Local k-WTA: the k largest channels of each pixel, as (value, channel) pairs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from hdl.activation.sorting_network import SortingNetwork, merging_network, sorting_network
from hdl.resources import Fabric, Resources, total
from hdl.streams.component import StreamComponent
from hdl.streams.credit import count_credit
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.timing import Timing, wait_in_order

__all__ = ["TopK", "TopKConfig"]


@dataclass(frozen=True, kw_only=True)
class TopKConfig:
    """Streams and k of one local k-WTA.

    Parameters
    ----------
    source : DenseFormat
        Any order of channels, with or without padded slots.
    k : int
        Winners a pixel; from 1 to the number of channels.
    """

    source: DenseFormat
    k: int

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.source.shape[0]:
            raise ValueError(f"k must be from 1 to {self.source.shape[0]} channels, not {self.k!r}")

    @cached_property
    def target(self) -> WinnersFormat:
        """One beat a pixel; pairs by falling value, then rising channel."""
        return WinnersFormat(self.source.shape, self.source.form, self.k)

    @cached_property
    def labels(self) -> dict[int, tuple[int, ...]]:
        """For each lane that is ever used, the channel (or -1) that it carries in each group."""
        by_lane = {lane: self.source.order[lane :: self.source.lanes] for lane in range(self.source.lanes)}
        return {lane: channels for lane, channels in by_lane.items() if max(channels) >= 0}

    @property
    def key_bits(self) -> int:
        """Width of a key: the value in offset binary above the inverted channel."""
        return self.source.form.width + self.target.index_bits

    @cached_property
    def sorter(self) -> SortingNetwork:
        """Sorts one beat."""
        return sorting_network(len(self.labels), min(self.k, len(self.labels)))

    @cached_property
    def mergers(self) -> tuple[SortingNetwork, ...]:
        """Each halves the lists of a pixel; after the last there is one."""
        networks = []
        length = len(self.sorter.outputs)
        for _ in range((self.source.groups - 1).bit_length()):
            networks.append(merging_network(length, length, min(self.k, 2 * length)))
            length = len(networks[-1].outputs)
        return tuple(networks)

    @property
    def latency(self) -> int:
        """Cycles from the last accepted beat of a pixel to its winners being offered."""
        # Label; sort; pair up and merge; test for nonzero; count; queue.
        return 1 + self.sorter.depth + sum(1 + merger.depth for merger in self.mergers) + 2 + 1

    @property
    def pixels_in_flight(self) -> int:
        """Pixels that the queue must hold lest the input ever waits while the output does not."""
        return 1 + -(-self.latency // self.source.groups)

    @property
    def cycles_per_frame(self) -> int:
        """Cycles between frames: one a beat."""
        return self.source.beats

    def cost(self, fabric: Fabric) -> Resources:
        """Predict what it takes: a comparison a comparator, and a choice for each key that it passes on."""
        networks, bits = (self.sorter, *self.mergers), self.key_bits
        parts = [QueueConfig(bits=self.target.payload.size, depth=self.pixels_in_flight).cost(fabric)]
        for network in networks:
            for number, (level, live) in enumerate(zip(network.levels, network.live, strict=True)):
                # What a channel's number leaves open grows by a bit a level, in the network that sorts.
                known = self.target.index_bits - (self.source.groups - 1).bit_length() - number
                open_bits = bits - max(0, known) if network is self.sorter else bits
                moved = sum((high in live) + (low in live) for high, low in level)
                parts.append(len(level) * fabric.comparison(open_bits))
                parts.append(Resources(lut=moved * open_bits, ff=len(live) * open_bits))
        paired = sum(len(network.outputs) for network in networks[:-1])
        parts.append(Resources(lut=paired * 5, ff=2 * paired * bits))
        ordered = list(self.source.order) == sorted(self.source.order)
        labels = 0 if ordered else len(self.labels) * self.target.index_bits
        ends = fabric.logic(labels + 12 * self.k + 20, 2 * self.k * bits + 3 * self.latency)
        return total(parts) + ends

    def timing(self, arrivals: np.ndarray) -> Timing:
        """Return when beats pass. Exact."""
        accepted = wait_in_order(arrivals)
        return Timing(accepted, accepted[self.source.groups - 1 :: self.source.groups] + self.latency)


class TopK(StreamComponent):
    """Keep the k largest channels of each pixel.

    Every element becomes a key that no other equals: the value in offset binary, and below it the inverted
    channel. Each beat is sorted by a pruned odd-even merge network; a chain of mergers then joins the sorted
    lists of a pixel two by two. Nothing in that pipeline ever waits: the first beat of a pixel is accepted
    only if the output queue has a place for its winners.

    Timing
    ------
    Latency `config.latency` cycles from the last beat of a pixel. Throughput 1 beat per cycle, without a
    pause between pixels or frames while the output is ready. `i.ready` is a function of registers alone.
    A register follows each comparator: a carry chain of `key_bits / 2` and one LUT.

    Numerics
    --------
    Exactly :func:`hdl.numerics.local_winners`. `count` ends at the last pair that is not 0.

    Resources
    ---------
    `config.cost`. 64 channels of 8 bits in 16 lanes, k = 6: 2,548 LUT, of which 150 are memories and shift
    registers, and 2,485 FF (Yosys 0.70, `synth_xilinx -family xcup`).

    Parameters
    ----------
    config : TopKConfig

    Members
    -------
    i : In(stream.Signature(source.payload))
    o : Out(stream.Signature(target.payload))
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = self.config.pixels_in_flight
        group = Signal(range(self.config.source.groups))
        last = group == self.config.source.groups - 1

        # A pixel reserves a place in the queue as its first beat enters.
        accepted = self.i.valid & self.i.ready
        places, some = count_credit(m, depth, accepted & (group == 0), self.o.valid & self.o.ready)
        m.d.comb += self.i.ready.eq((group != 0) | some)
        with m.If(accepted):
            m.d.sync += group.eq(Mux(last, 0, group + 1))

        keys, flags = self._label(m, group), self._delay(m, Cat(accepted, last), "labeled")
        keys, flags = self._run(m, self.config.sorter, keys, flags, "sort")
        for stage, merger in enumerate(self.config.mergers):
            keys, flags = self._pair(m, keys, flags, f"pair{stage}")
            keys, flags = self._run(m, merger, keys, flags, f"merge{stage}")
        winners = self._count(m, keys)
        valid = self._delay(m, self._delay(m, flags[0], "tested"), "counted")

        m.submodules.queue = queue = Queue(QueueConfig(bits=self.config.target.payload.size, depth=depth))
        m.d.comb += [
            queue.i.payload.eq(winners),
            queue.i.valid.eq(valid),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        return m

    def _delay(self, m: Module, flags: Value, name: str) -> Signal:
        """Register flags, cleared at reset."""
        after = Signal(len(flags), name=name)
        m.d.sync += after.eq(flags)
        return after

    def _keys(self, count: int, name: str) -> list[Signal]:
        """Return registers for keys; without reset, since a flag tells when they mean something."""
        return [Signal(self.config.key_bits, name=f"{name}_{n}", reset_less=True) for n in range(count)]

    def _label(self, m: Module, group: Signal) -> list[Signal]:
        """Turn the elements of the beat at the input into keys."""
        form, index_bits = self.config.source.form, self.config.target.index_bits
        keys = self._keys(len(self.config.labels), "key")
        for key, (lane, channels) in zip(keys, self.config.labels.items(), strict=True):
            value = self.i.payload[lane].as_unsigned() ^ (int(form.signed) << (form.width - 1))
            # A padded slot gets the key 0. Only the lowest of all channels can tie with it, and as
            # k is at most the number of channels, there is always a place for that one too.
            with m.Switch(group):
                for number, channel in enumerate(channels):
                    with m.Case(number):
                        label = Const((1 << index_bits) - 1 - channel, index_bits)
                        m.d.sync += key.eq(Cat(label, value) if channel >= 0 else 0)
        return keys

    def _run(
        self, m: Module, network: SortingNetwork, keys: list[Signal], flags: Signal, name: str
    ) -> tuple[list[Signal], Signal]:
        """Build one network, a register after each of its levels."""
        wires = dict(enumerate(keys))
        for number, (level, live) in enumerate(zip(network.levels, network.live, strict=True)):
            after = dict(zip(live, self._keys(len(live), f"{name}_{number}"), strict=True))
            sources = dict(wires)
            for high, low in level:
                swap = Signal(name=f"{name}_{number}_swap_{high}_{low}")
                m.d.comb += swap.eq(wires[low] > wires[high])
                sources[high] = Mux(swap, wires[low], wires[high])
                sources[low] = Mux(swap, wires[high], wires[low])
            m.d.sync += [after[wire].eq(sources[wire]) for wire in live]
            wires, flags = after, self._delay(m, flags, f"{name}_{number}_flags")
        return [wires[wire] for wire in network.outputs], flags

    def _pair(self, m: Module, keys: list[Signal], flags: Signal, name: str) -> tuple[list[Signal], Signal]:
        """Put two lists of a pixel side by side, or its odd last one beside an empty list."""
        valid, last = flags
        first, second = self._keys(len(keys), f"{name}_first"), self._keys(len(keys), f"{name}_second")
        waiting = Signal(name=f"{name}_waiting")
        with m.If(valid):
            m.d.sync += waiting.eq(~waiting & ~last)
            with m.If(waiting):
                m.d.sync += [register.eq(key) for register, key in zip(second, keys, strict=True)]
            with m.Else():
                m.d.sync += [register.eq(key) for register, key in zip(first, keys, strict=True)]
                m.d.sync += [register.eq(0) for register in second]
        return first + second, self._delay(m, Cat(valid & (waiting | last), last), f"{name}_flags")

    def _count(self, m: Module, keys: list[Signal]) -> Signal:
        """Turn sorted keys back into pairs, and count up to the last that is not 0."""
        form, index_bits = self.config.source.form, self.config.target.index_bits
        zero = int(form.signed) << (form.width - 1)
        tested, positive, negative = self._keys(len(keys), "winner"), Signal(len(keys)), Signal()
        m.d.sync += [register.eq(key) for register, key in zip(tested, keys, strict=True)]
        m.d.sync += positive.eq(Cat(key[index_bits:] > zero for key in keys))
        m.d.sync += negative.eq(keys[-1][index_bits:] < zero)

        payload = Signal(self.config.target.payload, reset_less=True)
        # Keys fall, so `positive` is a run of ones; its length is read off where the run ends.
        ends = positive & ~(positive >> 1)
        length = Cat(
            Cat(end for n, end in enumerate(ends, start=1) if n >> bit & 1).any()
            for bit in range(len(payload.count))
        )
        m.d.sync += payload.count.eq(Mux(negative, len(keys), length))
        for pair, key in zip(payload.pairs, tested, strict=True):
            m.d.sync += [pair.index.eq(~key[:index_bits]), pair.value.eq(key[index_bits:] ^ zero)]
        return payload
