"""The stream rules, of every component: what is offered stays, and no side waits for the other."""

import tempfile
from pathlib import Path

import pytest
from amaranth.asserts import AnySeq
from amaranth.back import rtlil
from amaranth.hdl import Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from pyosys import libyosys

from tests.proofs.claims import assert_proved, claim_queues, claim_stable
from tests.proofs.components import COMPONENTS, small
from tests.proofs.opened import Opened

REGISTERS = "$dff,$dffe,$sdff,$sdffe,$sdffce"


def _ports(component: wiring.Component) -> list[tuple[tuple, Value, bool]]:
    """Return the path of each bit of the interface, its value, and whether the outside drives it."""
    return [
        (path, Value.cast(port), member.flow == In)
        for path, member, port in component.signature.flatten(component)
    ]


def _handshake(component: wiring.Component, side: str) -> tuple[Value, Value, Value]:
    """Return valid, ready and payload of a port, by whichever names it has."""
    port = getattr(component, side)
    if hasattr(port, "tvalid"):
        return port.tvalid, port.tready, Value.cast(port.tdata)
    return port.valid, port.ready, Value.cast(port.payload)


def test_what_is_offered_stays_until_it_is_taken():
    m = Module()
    for name in COMPONENTS:
        component = small(name)
        m.submodules[name] = opened = Opened(component)
        m.d.comb += [value.eq(AnySeq(len(value))) for _, value, driven in _ports(component) if driven]
        claim_queues(m, opened)
        claim_stable(m, *_handshake(component, "o"))
    assert_proved(m, name="stable", depth=2)


class _PassThrough(wiring.Component):
    """Registers nothing, so that each side waits for the other."""

    i: In(stream.Signature(2))
    o: Out(stream.Signature(2))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wiring.connect(m, wiring.flipped(self.i), wiring.flipped(self.o))
        return m


def _reached(component: wiring.Component, name: str) -> set[str]:
    """Return the inputs that an output depends on within a cycle: through gates, not through registers."""
    inputs = ["__".join(map(str, path)) for path, _, driven in _ports(component) if driven]
    design = libyosys.Design()
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch, "design.il")
        text.write_text(rtlil.convert(component, name="top"))
        for command in (f"read_rtlil {text}", "prep -flatten -top top", "memory_map", "opt_clean"):
            design.run_pass(f"tee -q {command}")
        reached = set()
        for port in inputs:
            found = Path(scratch, port)
            cone = f"o:{name} %ci*:-{REGISTERS} i:{port} %i"
            design.run_pass(f"tee -q select -write {found} {cone}")
            if found.read_text():
                reached.add(port)
    return reached


@pytest.mark.parametrize("name", COMPONENTS)
def test_neither_side_waits_for_the_other(name):
    component = small(name)
    for path, _, driven in _ports(component):
        if not driven and path[-1] in ("ready", "tready", "valid", "tvalid", "payload", "tdata", "tlast"):
            assert _reached(component, "__".join(path)) == set(), path


def test_a_side_that_waits_for_the_other_is_found():
    assert _reached(_PassThrough(), "i__ready") == {"o__ready"}
    assert _reached(_PassThrough(), "o__valid") == {"i__valid"}
