"""A memory made of several pieces answers like one of a single piece, and wastes little."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hdl.memory.rom import SLICE, Rom, RomConfig, piece_depths


def _read(config, addresses, enabled):
    component, seen = Rom(config), []
    sim = Simulator(component)
    sim.add_clock(1e-6)

    async def bench(ctx):
        for address, enable in zip(addresses, enabled, strict=True):
            ctx.set(component.address, int(address))
            ctx.set(component.enable, int(enable))
            await ctx.tick()
            seen.append(ctx.get(component.data))

    sim.add_testbench(bench)
    sim.run()
    return seen


@pytest.mark.parametrize(("depth", "pieces"), [(5, 1), (512, 1), (640, 2), (1700, 3), (1000, 1)])
def test_every_word_is_read_a_cycle_after_its_address_and_kept_while_disabled(depth, pieces):
    rng = np.random.default_rng(depth)
    config = RomConfig(words=tuple(rng.integers(0, 1 << 12, depth).tolist()), bits=12, kind="block")
    assert len(config.pieces) == pieces
    edges = np.cumsum([0, *piece_depths(depth)])
    addresses = np.concatenate([edges[:-1], edges[1:] - 1, rng.integers(0, depth, 60)])
    enabled = rng.random(len(addresses)) < 0.7
    enabled[0] = True
    expected, kept = [], 0
    for address, enable in zip(addresses, enabled, strict=True):
        kept = config.words[address] if enable else kept
        expected.append(kept)
    assert _read(config, addresses, enabled) == expected


@pytest.mark.parametrize("legs", [1, 2])
@pytest.mark.parametrize(("depth", "bits"), [(640, SLICE), (1000, 2 * SLICE + 5), (4700, SLICE + 1), (3, 1)])
def test_a_memory_with_legs_gives_the_same_words_as_much_later(depth, bits, legs):
    rng = np.random.default_rng(depth)
    words = tuple(int.from_bytes(rng.bytes(10), "little") % (1 << bits) for _ in range(depth))
    config = RomConfig(words=words, bits=bits, legs=legs)
    addresses = rng.integers(0, depth, 60)
    assert config.latency == 2 + legs
    seen = _read(config, [*addresses, *[0] * (config.latency - 1)], [True] * (60 + config.latency - 1))
    assert seen[config.latency - 1 :] == [words[address] for address in addresses]


@pytest.mark.parametrize("depth", [1, 513, 3200, 4800, 6400, 8000, 9999])
def test_pieces_hold_every_word_and_leave_few_empty(depth):
    depths = piece_depths(depth)
    assert sum(depths) == depth
    assert all(size & (size - 1) == 0 for size in depths[:-1])
    padded = sum(1 << (size - 1).bit_length() for size in depths)
    assert padded - depth <= max(depth / 16, 256)


@pytest.mark.parametrize("rests", [False, True])
@pytest.mark.parametrize("depth", [1700, 3300, 4710, 6400, 9999])
def test_a_piece_is_built_as_the_one_memory_that_is_predicted(depth, rests):
    words = tuple(range(depth))
    config = RomConfig(words=words, bits=14, kind="block", rests=rests)
    pieces = config.pieces
    assert [len(piece.words) for piece in pieces] == piece_depths(depth, rests=rests)
    assert sum((piece.words for piece in pieces), ()) == words
    for piece in pieces:
        assert piece.pieces == (piece,) and piece.bare.pieces == (piece.bare,)


def test_a_kind_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="kind must be one of .* not 'silver'"):
        RomConfig(words=(1,), bits=1, kind="silver")
