"""A kernel for an accelerator card, linked by Vitis and driven through XRT."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from boards.flows.flow import Implementation, Job, weights_bytes
from boards.flows.vendor import copy_parts, run_project, write_facts

if TYPE_CHECKING:
    from boards.board import Board
    from hdl.axi.kernel_control import ControlConfig

__all__ = ["VitisFlow", "count_instances", "kernel_xml"]

KERNEL, INSTANCE = "zeroskip_kernel", "zeroskip_1"


@dataclass(frozen=True, kw_only=True)
class VitisFlow:
    """What differs between cards.

    Parameters
    ----------
    platform : str
        Development platform that kernels are linked with.
    dies : int
        Super logic regions.
    memory_die : int
        The one whose memory bank of the same number the kernel uses.
    """

    platform: str
    dies: int
    memory_die: int
    name: str = "vitis"

    def run(self, job: Job) -> Implementation:
        """Write the project; link it where Vitis is installed."""
        return run_project(
            job, self.name, ("vivado", "v++"), "zeroskip.xclbin",
            lambda: self.write_project(job.directory, job.manifest, job.board, job.clock_mhz),
        )  # fmt: skip

    def write_project(
        self, directory: Path, manifest: Mapping[str, Any], board: "Board", clock_mhz: float | None = None
    ) -> Path:
        """Write the folder `vitis` of a build directory, anew; return it."""
        # Amaranth and Yosys take a second to load: `import boards` shall not.
        from boards.shells.card_facts import card_facts
        from boards.shells.memory_kernel import MemoryKernel
        from hdl.axi.memory_frames import FLAGS
        from hdl.verilog import to_verilog

        folder = directory / self.name
        shutil.rmtree(folder, ignore_errors=True)
        copy_parts(folder, "vitis", "xrt_card.py", "xrt_registers.py")
        kernel = MemoryKernel(manifest["interface"], weights_bytes(manifest))
        config = kernel.config
        (folder / f"{KERNEL}.v").write_text(to_verilog(kernel, KERNEL))
        (folder / "kernel.xml").write_text(kernel_xml(kernel.control))
        instances = count_instances(directory / "rtl" / "top.v")
        settings = {
            "part": board.part, "instances": instances, "dies": self.dies, "memory_die": self.memory_die,
        }  # fmt: skip
        facts = card_facts(
            directory, manifest["interface"], (config.source, config.target), kernel.control, FLAGS
        )
        write_facts(folder, settings, facts)
        (folder / "platform.mk").write_text(f"PLATFORM ?= {self.platform}\n")
        (folder / "link.cfg").write_text(self._link(instances, clock_mhz or board.clock_mhz))
        return folder

    def _link(self, instances: int, clock_mhz: float) -> str:
        """Return what the linker is told: one kernel, its memory, its clock, and its die if it fits one."""
        lines = ["[connectivity]", f"nk={KERNEL}:1:{INSTANCE}"]
        lines.append(f"sp={INSTANCE}.m_axi_gmem:DDR[{self.memory_die}]")
        if not instances:
            lines.append(f"slr={INSTANCE}:SLR{self.memory_die}")
        return "\n".join([*lines, "", "[clock]", f"freqHz={round(clock_mhz * 1e6)}:{INSTANCE}", ""])


def count_instances(top: Path) -> int:
    """Return how many numbered instances a top module holds; 0 where the stages stand in it."""
    return len(set(re.findall(r"\binstance_(\d+)\s*\(", top.read_text())))


def kernel_xml(control: "ControlConfig") -> str:
    """Return `kernel.xml`: ports and arguments, as XRT starts the kernel."""
    from hdl.axi.memory_frames import MEMORY_BITS

    root = ElementTree.Element("root", versionMajor="1", versionMinor="6")
    kernel = ElementTree.SubElement(
        root, "kernel", name=KERNEL, language="ip_c", vlnv=f"zeroskip:kernel:{KERNEL}:1.0", attributes="",
        preferredWorkGroupSizeMultiple="0", workGroupSize="1", interrupt="true",
        hwControlProtocol="ap_ctrl_hs",
    )  # fmt: skip
    ports = ElementTree.SubElement(kernel, "ports")
    for name, mode, size, width in (
        ("s_axi_control", "slave", 1 << control.address_bits, 32),
        ("m_axi_gmem", "master", (1 << 64) - 1, MEMORY_BITS),
    ):
        ElementTree.SubElement(
            ports, "port", name=name, mode=mode, range=f"0x{size:X}", dataWidth=str(width),
            portType="addressable", base="0x0",
        )  # fmt: skip
    arguments = ElementTree.SubElement(kernel, "args")
    for number, (name, bits) in enumerate(control.arguments):
        pointer = bits == 64
        size = f"0x{bits // 8:X}"
        ElementTree.SubElement(
            arguments, "arg", name=name, addressQualifier=str(int(pointer)), id=str(number),
            port="m_axi_gmem" if pointer else "s_axi_control", size=size,
            offset=f"0x{control.offsets[name]:03X}", hostOffset="0x0", hostSize=size,
            type="void*" if pointer else "uint",
        )  # fmt: skip
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
