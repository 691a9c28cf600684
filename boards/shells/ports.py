"""Ports of a shell as vendor tools look for them, flat with a prefix each; and the design within."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Instance, Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hdl.axi.frame_layout import FrameLayout
from hdl.axi.kernel_control import ControlConfig, KernelControl
from hdl.memory.load_port import LOAD_READS, LOAD_WRITES, LoadPort

__all__ = [
    "add_design", "add_load_port", "chain_pins", "flat_ports", "join_ports", "layouts_of", "take_clock",
    "with_loading",
]  # fmt: skip

STATES = tuple(name.removeprefix("weights_") for name in LOAD_READS)


def flat_ports(
    prefix: str, signature: wiring.Signature, *, reverse: bool = False
) -> dict[str, wiring.Member]:
    """Return the members of an interface under `PREFIX_NAME`; `reverse` for a port that is the other end."""
    turned = {In: Out, Out: In}
    return {
        f"{prefix}_{name}": (turned[member.flow] if reverse else member.flow)(member.shape)
        for name, member in signature.members.items()
    }


def join_ports(m: Module, shell: wiring.Component, prefix: str, interface: wiring.PureInterface) -> None:
    """Connect an interface within a shell to its flat ports."""
    for name in interface.signature.members:
        port, inner = getattr(shell, f"{prefix}_{name}"), getattr(interface, name)
        outward = shell.signature.members[f"{prefix}_{name}"].flow == Out
        m.d.comb += port.eq(inner) if outward else inner.eq(port)


def take_clock(m: Module, clock: Signal, reset_n: Signal) -> None:
    """Run a shell from its ports: a clock, and a reset that is low when active and registered here."""
    m.domains.bare = ClockDomain("bare", reset_less=True, local=True)
    m.domains.sync = ClockDomain("sync", local=True)
    m.d.comb += [ClockSignal("bare").eq(clock), ClockSignal("sync").eq(clock)]
    held = Signal(2, init=0b11)  # two registers, so that the tools may place them far apart
    m.d.bare += held.eq(Cat(~reset_n, held[0]))
    m.d.comb += ResetSignal("sync").eq(held[1])


def layouts_of(interface: Mapping[str, Any], word_bits: int) -> tuple[FrameLayout, FrameLayout]:
    """Return how inputs and outputs lie in words; `interface` as a manifest has it."""
    source, target = (
        FrameLayout(beats=port["beats"], data_bits=port["data_bits"], word_bits=word_bits)
        for port in (interface["input"], interface["output"])
    )
    return source, target


def with_loading(control: ControlConfig, weights_bytes: int) -> ControlConfig:
    """Return the registers with those through which a host loads weights, if there are any to load."""
    if not weights_bytes:
        return control
    settings, states = ((name, 32) for name in ("weights_word", *LOAD_WRITES)), ((n, 32) for n in LOAD_READS)
    return replace(control, settings=tuple(settings), states=tuple(states))


def add_load_port(m: Module, control: KernelControl, weights_bytes: int) -> LoadPort | None:
    """Let a host load weights word by word through registers, if there are any to load."""
    if not weights_bytes:
        return None
    m.submodules.load_port = port = LoadPort(4, weights_bytes)
    # A copy: the host may write the next word while this one is sent.
    word = Signal(32)
    with m.If(port.begin):
        m.d.sync += word.eq(control.weights_word)
    m.d.comb += [port.byte.eq(word.word_select(port.index, 8)), port.number.eq(control.weights_number)]
    m.d.comb += [getattr(control, f"weights_{name}").eq(getattr(port, name)) for name in STATES]
    return port


def chain_pins(port: LoadPort | None) -> dict[str, Value]:
    """Return the pins of the emitted module `top` at the ends of its chain."""
    if port is None:
        return {}
    names = port.load.signature.members
    return {f"i_load__{name}": getattr(port.load, name) for name in names} | {
        f"o_loaded__{name}": getattr(port.loaded, name) for name in names
    }


def add_design(
    m: Module, mover: wiring.Component, interface: Mapping[str, Any], clear: Signal | int = 0,
    port: LoadPort | None = None,
) -> None:  # fmt: skip
    """Put the emitted module `top` between the two streams of what moves its frames."""
    frames, outputs = mover.frames, mover.outputs
    watchdog = {"o_stuck": mover.stuck} if "stuck" in interface else {}
    held = 0 if port is None else port.hold
    m.submodules.top = Instance(
        "top",
        i_clk=ClockSignal(),
        i_rst=ResetSignal() | clear | held,
        i_s_axis_tdata=frames.tdata,
        i_s_axis_tvalid=frames.tvalid,
        o_s_axis_tready=frames.tready,
        i_s_axis_tlast=frames.tlast,
        o_m_axis_tdata=outputs.tdata,
        o_m_axis_tvalid=outputs.tvalid,
        i_m_axis_tready=outputs.tready,
        o_m_axis_tlast=outputs.tlast,
        o_frame_error=mover.frame_error,
        **watchdog,
        **chain_pins(port),
    )
