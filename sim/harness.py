"""The part of the harness that depends on the design: parameters, and a tap on each internal stream."""

import re
from pathlib import Path

from hdl.streams.formats import EntryFormat
from sim.contract import Contract, StreamTap

__all__ = ["SOURCES", "harness_parameters", "taps_source"]

SOURCES = (Path(__file__).with_name("harness.sv"), Path(__file__).with_name("tap.sv"))


def harness_parameters(contract: Contract) -> dict[str, int]:
    """Return the parameters of the module `harness`."""
    return {
        "IN_BITS": contract.input.data_bits,
        "IN_BEATS": contract.input.beats,
        "OUT_BITS": contract.output.data_bits,
        "OUT_BEATS": contract.output.beats,
    }


def taps_source(contract: Contract) -> str:
    """Return the module `taps`: one instance of `tap` a stream, numbered in the order of the manifest."""
    instances = "\n".join(_instance(number, tap) for number, tap in enumerate(contract.streams))
    instances += _choices(contract)
    if contract.watched:
        instances += '\n  always_ff @(posedge clk) if (closing) $fwrite(log, "W %0h\\n", harness.dut.stuck);'
    return (
        "module taps (\n"
        "    input logic clk, input logic rst, input longint unsigned cycle, input int log,\n"
        "    input logic closing\n"
        ");\n"
        f"{instances}\n"
        "endmodule\n"
    )


def _choices(contract: Contract) -> str:
    """Return what writes down which instance is given each frame: a line `C instance`."""
    if contract.choice is None:
        return ""
    valid, ready, payload = (_path(f"{contract.choice}__{port}") for port in ("valid", "ready", "payload"))
    return (
        "\n  always_ff @(posedge clk)\n"
        f"    if (!rst && {valid} && {ready})\n"
        f'      $fwrite(log, "C %0d\\n", {payload});'
    )


def _instance(number: int, tap: StreamTap) -> str:
    form = tap.format
    if isinstance(form, EntryFormat):
        frame = f".BEATS(0), .LAST_BIT({form.payload['last'].offset})"
    else:
        frame = f".BEATS({form.beats})"
    return (
        f"  tap #(.NUMBER({number}), .INSTANCE({tap.instance}), .BITS({tap.bits}), {frame})\n"
        f"  stream_{number} (\n"
        f"      .clk(clk), .rst(rst), .cycle(cycle), .log(log), .closing(closing),\n"
        f"      .valid({_path(tap.valid)}), .ready({_path(tap.ready)}), .payload({_path(tap.payload)})\n"
        "  );"
    )


def _path(name: str) -> str:
    """Turn `top.stage.signal` into a path through the harness, escaping what is no plain identifier."""
    parts = name.split(".")[1:]
    plain = [part if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_$]*", part) else f"\\{part} " for part in parts]
    return ".".join(["harness.dut", *plain])
