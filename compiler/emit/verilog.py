"""Deterministic Verilog: a file for the top, one for each stage, and an image for each memory."""

import tempfile
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, ResetSignal, Value
from amaranth.lib import wiring
from pyosys import libyosys

from hdl.accelerator import Accelerator
from hdl.design import Stage
from hdl.memory.rom import Rom

__all__ = ["emit_verilog"]

ROM = """module {name}(clk, enable, address, data);
  input clk, enable;
  input [{address_msb}:0] address;
  output reg [{data_msb}:0] data = 0;
  reg [{data_msb}:0] words [0:{last}];
  initial $readmemh("images/{name}.hex", words);
  always @(posedge clk)
    if (enable) data <= words[address];
endmodule
"""


def emit_verilog(accelerator: Accelerator, directory: Path) -> None:
    """Write an accelerator as Verilog.

    Parameters
    ----------
    accelerator : Accelerator
        Its top module is called `top`.
    directory : Path
        Is filled with `top.v`, a file a stage, and `images/`; must exist and be empty. Simulate and
        synthesize from there: memories name their images relative to it.
    """
    (directory / "images").mkdir()
    _write(accelerator, "top", directory, _TopPlatform(directory))


def _write(component: wiring.Component, name: str, directory: Path, platform: object) -> None:
    """Convert one hierarchy to `name.v`, with the memories that its platform collects behind it."""
    text = rtlil.convert(component, name=name, platform=platform, emit_src=False)
    roms = platform.modules if isinstance(platform, _StagePlatform) else []
    (directory / f"{name}.v").write_text("\n".join([_to_verilog(text), *roms]))


def _to_verilog(text: str) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch, "design.il"), Path(scratch, "design.v")
        source.write_text(text)
        design = libyosys.Design()
        for command in (
            f"read_rtlil {source}",
            "proc -nomux -norom",
            "memory_collect",
            f"write_verilog -norename -noattr {target}",
        ):
            design.run_pass(f"tee -q {command}")
        return target.read_text()


class _StageInstance(wiring.Component):
    """A stage as a black box with the ports of its component."""

    def __init__(self, stage: Stage, signature: wiring.Signature) -> None:
        self.stage = stage
        super().__init__(signature)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules[self.stage.name] = Instance(
            self.stage.name,
            i_clk=ClockSignal(),
            i_rst=ResetSignal(),
            i_i__payload=Value.cast(self.i.payload),
            i_i__valid=self.i.valid,
            o_i__ready=self.i.ready,
            o_o__payload=Value.cast(self.o.payload),
            o_o__valid=self.o.valid,
            i_o__ready=self.o.ready,
        )
        return m


class _TopPlatform:
    """Give each stage its own file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def stage(self, stage: Stage) -> Elaboratable:
        component = stage.component(stage.config)
        _write(component, stage.name, self.directory, _StagePlatform(stage.name, self.directory))
        return _StageInstance(stage, component.signature)


class _StagePlatform:
    """Give each memory of a stage its own module and image."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        self.modules: list[str] = []

    def rom(self, component: Rom) -> Module:
        config = component.config
        name = f"{self.name}_rom{len(self.modules)}"
        digits = -(-config.bits // 4)
        image = "".join(f"{word:0{digits}x}\n" for word in config.words)
        (self.directory / "images" / f"{name}.hex").write_text(image)
        self.modules.append(
            ROM.format(
                name=name,
                address_msb=config.address_bits - 1,
                data_msb=config.bits - 1,
                last=len(config.words) - 1,
            )
        )
        m = Module()
        m.submodules.rom = Instance(
            name,
            i_clk=ClockSignal(),
            i_enable=component.enable,
            i_address=component.address,
            o_data=component.data,
        )
        return m
