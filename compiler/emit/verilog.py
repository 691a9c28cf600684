"""Deterministic Verilog: a file for the top, one for each stage, and an image for each memory."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, ResetSignal, Value
from amaranth.lib import wiring

from hdl.accelerator import Accelerator, Pipeline
from hdl.design import Stage
from hdl.memory.loadable import Loadable
from hdl.memory.loading import Contents, Loader
from hdl.memory.rom import Rom
from hdl.verilog import to_verilog

__all__ = ["emit_verilog", "image_name", "image_text"]

ROM = """module {name}(clk, enable, address, data);
  input clk, enable;
  input [{address_msb}:0] address;
  output reg [{data_msb}:0] data = 0;
  {style}reg [{data_msb}:0] words [0:{last}];
  initial $readmemh("images/{name}.hex", words);
  always @(posedge clk)
    if (enable) data <= words[address];
endmodule
"""

LOADABLE = """module {name}(clk, enable, address, data, write, write_address, write_data);
  input clk, enable, write;
  input [{address_msb}:0] address, write_address;
  input [{data_msb}:0] write_data;
  output {kind} [{data_msb}:0] data{init};
  reg [{data_msb}:0] words [0:{last}];
  initial $readmemh("images/{name}.hex", words);
  always @(posedge clk)
    if (write) words[write_address] <= write_data;
  {read}
endmodule
"""

READS = {
    True: ("reg", " = 0", "always @(posedge clk)\n    if (enable) data <= words[address];"),
    False: ("wire", "", "assign data = words[address];"),
}
"""Kind of `data`, its first value, and how it is read; by whether it comes a cycle late."""


STYLES = {"auto": "", "block": '(* rom_style = "block" *) '}
"""What tells a synthesizer what to make a memory of."""


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
    with _collecting_rarely():
        _write(accelerator, "top", directory, _TopPlatform(directory))


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Look for garbage less often: Amaranth's objects all live until it is done, and are many."""
    usual = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _write(component: wiring.Component, name: str, directory: Path, platform: object) -> None:
    """Write one hierarchy to `name.v`, with the modules that its platform collects behind it."""
    text = to_verilog(component, name, platform)
    modules = platform.modules if isinstance(platform, _StagePlatform) else []
    (directory / f"{name}.v").write_text("\n".join([text, *modules]))


class _BlackBox(wiring.Component):
    """A module that is emitted elsewhere, with the ports of its component."""

    def __init__(self, module: str, component: wiring.Component) -> None:
        self.module = module
        super().__init__(component.signature)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ports = {
            f"{'i' if member.flow == wiring.In else 'o'}_{'__'.join(map(str, path))}": Value.cast(port)
            for path, member, port in self.signature.flatten(self)
        }
        m.submodules.box = Instance(self.module, i_clk=ClockSignal(), i_rst=ResetSignal(), **ports)
        return m


class _TopPlatform:
    """Give each stage its own file, and what is there several times one for all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def pipeline(self, pipeline: Pipeline) -> Elaboratable:
        if (self.directory / "pipeline.v").exists():
            # Amaranth warns of a component that is dropped without being elaborated; this one may be.
            pipeline._MustUse__silence = True
        else:
            _write(pipeline, "pipeline", self.directory, self)
        return _BlackBox("pipeline", pipeline)

    def stage(self, stage: Stage) -> Elaboratable:
        component = stage.component(stage.config)
        _write(component, stage.name, self.directory, _StagePlatform(stage.name, self.directory))
        return _BlackBox(stage.name, component)


class _StagePlatform:
    """Give each memory of a stage its own module and image, and parts that are alike one module."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name, self.directory = name, directory
        self.modules: list[str] = []
        self._shared: dict[object, str] = {}
        self._roms = 0

    def shared(self, component: wiring.Component) -> Elaboratable:
        """Emit the component unless one of the same configuration was."""
        if component.config in self._shared:
            # Amaranth warns of a component that is dropped without being elaborated; this one may be.
            component._MustUse__silence = True
        else:
            name = f"{self.name}_{type(component).__name__.lower()}{len(self._shared)}"
            self._shared[component.config] = name
            self.modules.append(to_verilog(component, name, self))
        return _BlackBox(self._shared[component.config], component)

    def rom(self, component: Rom) -> Module:
        """Write the memory's contents to a file that its module reads."""
        config = component.config
        name = f"{self.name}_rom{self._roms}"
        self._roms += 1
        (self.directory / "images" / f"{name}.hex").write_text(image_text(config.words, config.bits))
        self.modules.append(
            ROM.format(
                name=name,
                address_msb=config.address_bits - 1,
                data_msb=config.bits - 1,
                last=len(config.words) - 1,
                style=STYLES[config.kind],
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

    def loadable(self, component: Loadable, loader: Loader) -> Instance:
        """Write what a memory holds at first to a file that its module reads."""
        contents, msb = component.contents, len(component.address) - 1
        name = image_name(self.name, contents)
        text = image_text(contents.words, contents.bits)
        (self.directory / "images" / f"{name}.hex").write_text(text)
        kind, initial, read = READS[contents.registered]
        self.modules.append(
            LOADABLE.format(
                name=name, address_msb=msb, data_msb=contents.bits - 1, last=len(contents.words) - 1,
                kind=kind, init=initial, read=read,
            )
        )  # fmt: skip
        return Instance(
            name, i_clk=ClockSignal(), i_enable=component.enable, i_address=component.address,
            o_data=component.data, i_write=loader.enable, i_write_address=loader.address,
            i_write_data=loader.data,
        )  # fmt: skip


def image_name(stage: str, contents: Contents) -> str:
    """Return the name of a memory that can be loaded: of its module, and of its image."""
    return f"{stage}_{contents.name}"


def image_text(words: tuple[int, ...], bits: int) -> str:
    """Return a memory's contents as $readmemh reads them."""
    digits = -(-bits // 4)
    return "".join(f"{word:0{digits}x}\n" for word in words)
