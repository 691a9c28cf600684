"""Levels of logic, on netlists small enough to count by hand."""

import pytest

from boards.synthesis.cells import resources_of
from boards.synthesis.depth import measure
from boards.synthesis.timing import timing_from_json, timing_to_json


def cell(kind, parameters=None, outputs=("O", "Q", "CO", "P", "DO", "DOA", "o"), **pins):
    directions = {pin: "output" if pin in outputs else "input" for pin in pins}
    return {
        "type": kind, "parameters": parameters or {}, "connections": pins, "port_directions": directions,
    }  # fmt: skip


def netlist(ports, **cells):
    """Return a module; `ports` are `(direction, bits)` by name; nets are named n2, n3, … by their numbers."""
    bits = {bit for each in cells.values() for pin in each["connections"].values() for bit in pin}
    return {
        "ports": {name: {"direction": way, "bits": list(bits)} for name, (way, bits) in ports.items()},
        "cells": cells,
        "netnames": {f"n{bit}": {"bits": [bit]} for bit in bits if isinstance(bit, int)},
    }


def register(d, q):
    return cell("FDRE", C=[1], D=[d], Q=[q], CE=["1"], R=["0"])


def test_lookup_tables_in_a_row_are_levels():
    module = netlist(
        {"clk": ("input", [1])},
        a=register(9, 2), b=cell("LUT2", I0=[2], I1=["1"], O=[3]), c=cell("LUT1", I0=[3], O=[4]),
        d=register(4, 5),
    )  # fmt: skip
    path, _ = measure(module, {})
    assert path == {"levels": 2, "start": "n2", "end": "n5", "cells": ["LUT2", "LUT1"]}


def test_a_carry_chain_is_one_level_however_long_and_a_lookup_table_in_front_another():
    chain = {
        f"c{i}": cell("CARRY4", CI=[20 + i if i else "0"], S=[3], DI=[3], O=[40 + i], CO=[21 + i])
        for i in range(6)
    }
    module = netlist(
        {}, a=register(9, 2), b=cell("LUT1", I0=[2], O=[3]), **chain,
        mux=cell("MUXF7", I0=[45], I1=["0"], S=["0"], O=[60]), z=register(60, 61),
    )  # fmt: skip
    path, _ = measure(module, {})
    assert (path["levels"], path["cells"]) == (2, ["LUT1", "CARRY4", "MUXF7"])


def test_reading_a_memory_is_a_level_and_writing_it_ends_a_path():
    memory = cell("RAM32M16", ADDRA=[2], DOA=[3], DIA=[7], ADDRH=[3], WCLK=[1], WE=["1"])
    module = netlist(
        {}, a=register(9, 10), b=cell("LUT1", I0=[10], O=[2]), m=memory, c=cell("LUT1", I0=[3], O=[7]),
        z=register(3, 8),
    )  # fmt: skip
    path, _ = measure(module, {})
    assert (path["levels"], path["start"], path["end"]) == (3, "n10", "m")


@pytest.mark.parametrize(("register_bit", "levels"), [("0", 2), ("1", 1)])
def test_a_multiplier_is_a_level_unless_it_has_registers(register_bit, levels):
    parameters = {name: register_bit for name in ("AREG", "BREG", "CREG", "DREG", "MREG", "PREG")}
    dsp = cell("DSP48E2", parameters, A=[2], B=[2], P=[3], CLK=[1])
    module = netlist({}, a=register(9, 2), m=dsp, l=cell("LUT1", I0=[3], O=[4]), z=register(4, 5))
    assert measure(module, {})[0]["levels"] == levels


def test_paths_go_on_through_the_ports_of_modules():
    inner = netlist(
        {"clk": ("input", [1]), "i": ("input", [2]), "o": ("output", [4]), "q": ("output", [6])},
        l=cell("LUT1", I0=[2], O=[3]), m=cell("LUT2", I0=[3], I1=[5], O=[4]), r=register(3, 5),
        s=cell("LUT1", I0=[5], O=[6]),
    )  # fmt: skip
    path, timing = measure(inner, {})
    assert path["levels"] == 0
    assert {port: end.levels for port, end in timing.departures.items()} == {"o": 1, "q": 1}
    assert {port: end.levels for port, end in timing.arrivals.items()} == {"i": 1}
    assert timing.through == {"i": {"o": 2}}
    timing = timing_from_json(timing_to_json(timing))
    outer = netlist(
        {},
        first=cell("inner", outputs=("o", "q"), i=["0"], q=[11], o=[12]),
        second=cell("inner", outputs=("o", "q"), i=[11], o=[13], q=[14]),
        z=register(13, 15),
    )
    path, _ = measure(outer, {"inner": timing})
    assert (path["levels"], path["start"], path["end"]) == (3, "first.n5", "n15")
    assert path["cells"] == ["second"]


def test_a_loop_without_a_register_is_refused():
    module = netlist({}, a=cell("LUT1", I0=[2], O=[3]), b=cell("LUT1", I0=[3], O=[2]))
    with pytest.raises(ValueError, match="feeds itself without a register"):
        measure(module, {})


def test_cells_of_ecp5_count_as_its_place_and_route_counts_them():
    cells = {"LUT4": 5, "CCU2C": 3, "TRELLIS_DPR16X4": 2, "PFUMX": 9, "TRELLIS_FF": 4, "MULT18X18D": 1}
    assert resources_of(cells | {"DP16KD": 2}, "bram18") == {
        "lut": 5 + 6 + 12, "ff": 4, "dsp": 1, "bram18": 2, "uram": 0,
    }  # fmt: skip
