"""Boards with an ECP5, from build directory to bitstream with open tools alone."""

import importlib
import importlib.metadata
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards.flows.flow import FlowError, Implementation, Job, build_number, weights_bytes

if TYPE_CHECKING:
    from boards.flows.place_and_route import Routed
    from boards.shells.pll import Pll

__all__ = ["Ecp5Flow", "Shell"]

ROUTED = {
    "lut": ("TRELLIS_COMB",), "ff": ("TRELLIS_FF",), "dsp": ("MULT18X18D",), "bram18": ("DP16KD",),
}  # fmt: skip
"""What nextpnr calls the resources."""


@dataclass(frozen=True)
class Shell:
    """What goes around a design: RTLIL whose module `shell` is the whole, its pins (LPF), and its clock."""

    rtlil: str
    pins: str
    pll: "Pll"


@dataclass(frozen=True, kw_only=True)
class Ecp5Flow:
    """Yosys, nextpnr-ecp5 and ecppack around a serial shell.

    Parameters
    ----------
    platform : str
        Board definition of amaranth-boards, as `module:class`.
    baud : int
        Speed of its serial line.
    slots : int
        Vectors that are stored on the chip for its self-test.
    """

    platform: str
    baud: int
    slots: int

    @property
    def name(self) -> str:
        """What people call the flow."""
        return "nextpnr-ecp5"

    def run(self, job: Job) -> Implementation:
        """Synthesize, place and route, set the clock to what the slowest path allows, pack."""
        from boards.flows.netlist import synthesize_netlist
        from boards.flows.place_and_route import find_program, pack
        from boards.flows.registers import absorb_registers
        from boards.shells.pll import Pll, retune

        started = time.monotonic()
        router = find_program("nextpnr-ecp5")
        yosys = importlib.metadata.version("pyosys")
        scratch = job.directory.resolve() / self.name
        scratch.mkdir(exist_ok=True)
        job.progress("shell")
        shell = self.make_shell(job)
        wanted = shell.pll
        (scratch / "shell.il").write_text(shell.rtlil)
        (scratch / "shell.lpf").write_text(shell.pins)
        netlist = synthesize_netlist(
            job.directory.resolve() / "rtl", scratch / "shell.il", command=job.board.synthesis,
            scratch=scratch, cache=_cache() / "netlists", version=yosys, progress=job.progress,
        )  # fmt: skip
        job.progress("move registers into multipliers and memories")
        _edit(netlist, absorb_registers)
        seed, routed = self._fastest(job, netlist, wanted.output_mhz)
        reached = routed.reached_mhz(wanted.output_mhz)
        clock = Pll.nearest(wanted.input_mhz, min(wanted.output_mhz, reached))
        textual = scratch / "shell.config"
        textual.write_text(retune(routed.textual.read_text(), clock))
        job.progress("pack")
        pack(textual, scratch / "shell.bit", scratch=scratch)
        return Implementation(
            bitstream=f"{self.name}/shell.bit", clock_mhz=clock.output_mhz, reached_mhz=reached,
            wanted_mhz=wanted.output_mhz,
            resources={name: routed.used(*cells) for name, cells in ROUTED.items()},
            tools={"yosys": yosys, "nextpnr-ecp5": router.version}, seed=seed,
            seconds=round(time.monotonic() - started, 1),
        )  # fmt: skip

    def make_shell(self, job: Job) -> Shell:
        """Return what goes around the design, for the clock of a job."""
        from boards.shells.pll import Pll
        from boards.shells.serial_shell import SerialShell, stored_frames

        platform = self._platform()
        pll = Pll.nearest(platform.default_clk_frequency / 1e6, job.clock_mhz)
        stored = stored_frames(job.directory, self.slots, build_number(job.directory))
        shell = SerialShell(stored, pll, self.baud, weights_bytes(job.manifest))
        files = platform.prepare(shell, "shell").files
        texts = (files[f"shell.{kind}"] for kind in ("il", "lpf"))
        rtlil, pins = (text if isinstance(text, str) else text.decode() for text in texts)
        return Shell(rtlil, pins, pll)

    def _fastest(self, job: Job, netlist: Path, wanted_mhz: float) -> "tuple[int, Routed]":
        """Place and route with one seed after the other until the clock is reached; keep the fastest."""
        from boards.flows.place_and_route import place_and_route

        found: dict[int, Routed] = {}
        for seed in range(job.seed, job.seed + job.tries):
            job.progress("place and route" if job.tries == 1 else f"place and route, seed {seed}")
            options, constraints = [*self._device(), "--seed", str(seed)], netlist.with_suffix(".lpf")
            cache = _cache() / "routed"
            found[seed] = place_and_route(netlist, constraints, options, scratch=netlist.parent, cache=cache)
            if found[seed].reached_mhz(wanted_mhz) >= wanted_mhz:
                break
        best = max(found, key=lambda seed: found[seed].reached_mhz(wanted_mhz))
        found[best].report_to(netlist.parent)
        return best, found[best]

    def _device(self) -> list[str]:
        """Return what nextpnr is told of the device."""
        platform = self._platform()
        device = platform._nextpnr_device_options[platform.device]
        package = platform._nextpnr_package_options[platform.package].upper()
        return [device, "--speed", platform.speed, "--package", package]

    def _platform(self) -> Any:
        module, _, kind = self.platform.partition(":")
        try:
            return getattr(importlib.import_module(module), kind)()
        except ImportError as error:
            raise FlowError(module, f"cannot be imported: {error}", "pip install amaranth-boards") from error


def _edit(netlist: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Let `change` work on the module that a netlist is named after; drop all others, which are empty."""
    whole = json.loads(netlist.read_text())
    module = whole["modules"][netlist.stem]
    change(module)
    netlist.write_text(json.dumps({**whole, "modules": {netlist.stem: module}}))


def _cache() -> Path:
    """Return where netlists and routed designs are kept from run to run."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "zeroskip" / "ecp5"
