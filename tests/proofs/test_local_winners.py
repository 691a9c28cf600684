"""Local k-WTA names exactly the winners of its definition, for every pixel: by value, ties to the lowest."""

import pytest
from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Cat, Module, Mux, Signal, Value
from amaranth.lib import data

from hdl.activation.sorting_network import SortingNetwork, merging_network, sorting_network
from hdl.activation.top_k import TopK, TopKConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat, element
from tests.proofs.claims import assert_proved, delayed, surround

SIGNED = FixedPoint(2, 0, True)
UNSIGNED = FixedPoint(2, 0, False)
# form, lanes, order, k
SMALL_PIXELS = {
    "signed": (SIGNED, 4, (3, 0, 2, 1), 2),
    "padded": (SIGNED, 4, (2, -1, 0, 1), 2),
    "all": (SIGNED, 3, (0, 1, 2), 3),
    "single": (UNSIGNED, 2, (-1, 0), 1),
}
LARGER_PIXELS = {
    "three_of_five": (UNSIGNED, 5, (0, 1, 2, 3, 4), 3),
    "one_of_six": (UNSIGNED, 6, (0, 1, 2, 3, 4, 5), 1),
}
PIXELS_OF_MANY_BEATS = {
    "natural": (UNSIGNED, 2, (0, 1, 2, 3), 2),
    "padded": (SIGNED, 2, (1, 2, -1, 0), 3),
    "odd": (SIGNED, 2, (4, 1, 0, 3, 2, -1), 2),
}
SORTED = ((1, 1), (2, 1), (3, 3), (4, 2), (5, 3), (6, 6), (8, 3))
MERGED = ((2, 2, 2), (3, 2, 5), (1, 4, 3), (4, 4, 4), (6, 6, 6))


def _by_rank(better: list[list[Value]], items: list[Value], best: int) -> list[Value]:
    """Order items, given which are better than which; the best first."""
    ranks = [sum(row) for row in better]
    return [
        Cat(
            Cat((rank == place) & item[bit] for rank, item in zip(ranks, items, strict=True)).any()
            for bit in range(len(items[0]))
        )
        for place in range(best)
    ]


def _falling(m: Module, name: str, lists: tuple[int, ...], bits: int) -> list[Value]:
    """Return any keys that fall within each of the lists."""
    keys = []
    for number, length in enumerate(lists):
        for place in range(length):
            key, chosen = Signal(bits, name=f"{name}_{number}_{place}"), Signal(bits)
            m.d.comb += chosen.eq(AnySeq(bits))
            # The lesser of the key before and any other.
            m.d.comb += key.eq(Mux(keys[-1] < chosen, keys[-1], chosen) if place else chosen)
            keys.append(key)
    return keys


def _applied(network: SortingNetwork, keys: list[Value]) -> list[Value]:
    """Return what a network makes of keys, as `TopK` builds it."""
    wires = list(keys)
    for level in network.levels:
        for high, low in level:
            swap = wires[low] > wires[high]
            wires[high], wires[low] = Mux(swap, wires[low], wires[high]), Mux(swap, wires[high], wires[low])
    return [wires[wire] for wire in network.outputs]


NETWORKS = {
    **{f"sort_{size}_{best}": (sorting_network(size, best), (1,) * size) for size, best in SORTED},
    **{f"merge_{a}_{b}_{best}": (merging_network(a, b, best), (a, b)) for a, b, best in MERGED},
}


@pytest.mark.slow_proof
def test_networks_bring_out_the_best_keys():
    m = Module()
    for name, (network, lists) in NETWORKS.items():
        if network.size > 5:
            continue
        keys = _falling(m, name, lists, 3)
        better = [
            [(other > key) | ((other == key) & (second < first)) for second, other in enumerate(keys)]
            for first, key in enumerate(keys)
        ]
        best = _by_rank(better, keys, len(network.outputs))
        found = _applied(network, keys)
        m.d.comb += [Assert(wire == key) for wire, key in zip(found, best, strict=True)]
    assert_proved(m, name="networks", depth=1)


def test_networks_sort_all_zeros_and_ones():
    # A network that sorts all zeros and ones sorts everything (the 0-1 principle).
    m = Module()
    for name, (network, lists) in NETWORKS.items():
        keys = _falling(m, name, lists, 1)
        ones = Signal(range(network.size + 1), name=f"{name}_ones")
        m.d.comb += ones.eq(sum(keys))
        m.d.comb += [Assert(wire == (ones > n)) for n, wire in enumerate(_applied(network, keys))]
    assert_proved(m, name="zeros_and_ones", depth=1)


def _winners(m: Module, name: str, config: TopKConfig, slots: list[Value]) -> list[Value]:
    """Return the pairs that the definition names, by rank."""
    form, order = config.source.form, config.source.order
    elements = [(slot, channel) for slot, channel in zip(slots, order, strict=True) if channel >= 0]
    pair = config.target.payload["pairs"].shape.elem_shape
    values, pairs = [], []
    for slot, channel in elements:
        value, made = Signal(element(form), name=f"{name}_{channel}"), Signal(pair)
        m.d.comb += [value.eq(slot), made.value.eq(slot), made.index.eq(channel)]
        values.append((value, channel))
        pairs.append(made.as_value())
    better = [
        [(other > value) | ((other == value) & (second < first)) for other, second in values]
        for value, first in values
    ]
    return _by_rank(better, pairs, config.k)


def _claim_winners(m: Module, name: str, form: FixedPoint, lanes: int, order: tuple, k: int) -> TopKConfig:
    """Claim that what leaves the pipeline of a pixel are its winners, and no more than count."""
    config = TopKConfig(source=DenseFormat((max(order) + 1, 1, 1), form, lanes, order), k=k)
    component = TopK(config)
    opened = surround(m, component, name)
    group, groups = opened.value("group"), config.source.groups
    beat = Value.cast(component.i.payload)
    kept = [Signal(len(beat), name=f"{name}_kept_{number}") for number in range(groups - 1)]
    for number, register in enumerate(kept):
        with m.If(opened.value("accepted") & (group == number)):
            m.d.sync += register.eq(beat)
    slots = [part[n : n + form.width] for part in (*kept, beat) for n in range(0, len(beat), form.width)]
    winners = delayed(m, Cat(_winners(m, name, config, slots)), config.latency - 1)[-1]
    flight = delayed(m, opened.value("accepted") & opened.value("last"), config.latency - 1)
    found = opened.parts["queue"].i
    pair_bits = len(winners) // k
    with m.If(found.valid):
        payload = data.View(config.target.payload, found.payload)
        pairs = [winners.word_select(rank, pair_bits) for rank in range(k)]
        nonzero = [pair[: form.width].any() for pair in pairs]
        count = 0
        for rank in range(k):
            m.d.comb += Assert((rank >= payload.count) | (payload.pairs[rank].as_value() == pairs[rank]))
            count = Mux(nonzero[rank], rank + 1, count)
        m.d.comb += Assert(payload.count == count)
    m.d.comb += [Assert(group < groups), Assert(found.valid == flight[-1])]
    return config


def _prove_winners(cases: dict[str, tuple]) -> None:
    m = Module()
    configs = [_claim_winners(m, name, *case) for name, case in cases.items()]
    assert_proved(m, name="local_winners", depth=max(config.latency for config in configs) + 1)


def test_pixels_of_one_beat_keep_exactly_their_winners():
    _prove_winners(SMALL_PIXELS)


@pytest.mark.slow_proof
def test_larger_pixels_of_one_beat_keep_exactly_their_winners():
    _prove_winners(LARGER_PIXELS)


@pytest.mark.slow_proof
@pytest.mark.parametrize("name", PIXELS_OF_MANY_BEATS)
def test_pixels_of_many_beats_keep_exactly_their_winners(name):
    m = Module()
    config = _claim_winners(m, name, *PIXELS_OF_MANY_BEATS[name])
    # Bounded: two pixels from reset on, with two pauses between their beats.
    depth = config.latency + 2 * config.source.groups + 2
    assert_proved(m, name="local_winners", mode="bmc", depth=depth)
