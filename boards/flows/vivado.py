"""An overlay for a chip with processors: the core, a DMA engine, and what joins them, made by Vivado."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boards.flows.flow import Implementation, Job, weights_bytes
from boards.flows.vendor import copy_parts, run_project, write_facts

if TYPE_CHECKING:
    from boards.board import Board

__all__ = ["VivadoFlow"]

CORE = "zeroskip_core"


@dataclass(frozen=True, kw_only=True)
class VivadoFlow:
    """What differs between boards.

    Parameters
    ----------
    board_part : str
        What Vivado calls the board; its files say how memory is attached.
    """

    board_part: str
    name: str = "vivado"

    def run(self, job: Job) -> Implementation:
        """Write the project; implement it where Vivado is installed."""
        return run_project(
            job, self.name, ("vivado",), "zeroskip.bit",
            lambda: self.write_project(job.directory, job.manifest, job.board, job.clock_mhz),
        )  # fmt: skip

    def write_project(
        self, directory: Path, manifest: Mapping[str, Any], board: "Board", clock_mhz: float | None = None
    ) -> Path:
        """Write the folder `vivado` of a build directory, anew; return it."""
        # Amaranth and Yosys take a second to load: `import boards` shall not.
        from boards.shells.card_facts import card_facts
        from boards.shells.stream_core import StreamCore
        from hdl.axi.stream_frames import FLAGS
        from hdl.verilog import to_verilog

        folder = directory / self.name
        shutil.rmtree(folder, ignore_errors=True)
        copy_parts(folder, "vivado", "pynq_overlay.py")
        core = StreamCore(manifest["interface"], weights_bytes(manifest))
        config = core.config
        (folder / f"{CORE}.v").write_text(to_verilog(core, CORE))
        settings = {
            "part": board.part, "board_part": self.board_part, "clock_mhz": clock_mhz or board.clock_mhz,
        }  # fmt: skip
        facts = card_facts(
            directory, manifest["interface"], (config.source, config.target), core.control, FLAGS
        )
        write_facts(folder, settings, facts)
        return folder
