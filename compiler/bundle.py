"""A build directory in use: predict with it, verify it, read its report."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import boards
from boards.flows import Implementation, build_number
from boards.synthesis import Synthesis, SynthesisError, synthesize
from compiler.bitstream import make_bitstream
from compiler.emit import check_hashes
from compiler.errors import Problem, ToolFailed
from compiler.execute import execute
from compiler.frames import load_samples, to_integers
from compiler.ir import serialize
from compiler.ir.graph import Graph
from compiler.ir.integer_ops import IntegerConv2d, IntegerLinear, IntegerOp
from compiler.report import add_synthesis, add_verdict, write_report
from sim.errors import SimulationError
from sim.session import STALLS
from sim.verdict import Verdict
from sim.verify import verify as simulate

__all__ = ["Bundle"]


@dataclass(frozen=True)
class Bundle:
    """One build directory.

    Parameters
    ----------
    directory : Path
    manifest : dict
        What `manifest.json` says.
    """

    directory: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, directory: str | Path) -> "Bundle":
        """Open a build directory. Raises ToolFailed if it is none."""
        directory = Path(directory)
        try:
            manifest = json.loads((directory / "manifest.json").read_text())
        except (OSError, ValueError) as error:
            raise ToolFailed(
                Problem(
                    str(directory), "is no build directory: it has no readable manifest.json", "build first"
                )
            ) from error
        return cls(directory, manifest)

    @property
    def report(self) -> dict[str, Any]:
        """What `report.json` says."""
        return json.loads((self.directory / "report.json").read_text())

    @property
    def build_number(self) -> int:
        """32 bits by which hardware tells that it is this build."""
        return build_number(self.directory)

    @property
    def fixed_layers(self) -> list[str]:
        """Layers with weights that cannot be loaded; all of them unless it was built `reloadable`."""
        layers = [node.name for node in self.graph if isinstance(node.op, IntegerConv2d | IntegerLinear)]
        loaded = (self.manifest.get("weights") or {"stages": ()})["stages"]
        return [name for name in layers if name not in loaded]

    @cached_property
    def graph(self) -> Graph[IntegerOp]:
        """The exact network that the hardware computes."""
        return serialize.load(self.directory / "integer_graph.npz")

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return what the hardware answers: float64[n, outputs], logits in real units.

        `x` is uint8 features or float frames, [n, channels, height, width], as `samples` of a build.
        """
        samples = load_samples(np.asarray(x), self.graph.input.shape)
        logits = execute(self.graph, to_integers(self.graph, samples))
        return logits.reshape(len(x), -1) * self.graph.output_scale

    def verify(
        self,
        *,
        vectors: int | None = None,
        stalls: Sequence[str] = STALLS,
        waves: bool = False,
        faults: bool = False,
        progress: Callable[[str], None] | None = None,
    ) -> Verdict:
        """Simulate the Verilog on the stored vectors and compare every output bit.

        Parameters
        ----------
        vectors : int, optional
            How many; all unless given.
        stalls : sequence of str
            Which sides of the stream pause at random.
        waves : bool
            Keep a wave file.
        faults : bool
            Hold up streams inside the design too, reset it in mid frame, break frames and fall silent.

        Returns
        -------
        Verdict
            Also written to `sim/results.json` and into the report.

        Raises
        ------
        ToolFailed
            If the directory was changed after the build, or the simulator is missing or fails.
        """
        check_hashes(self.directory, self.manifest)
        try:
            verdict = simulate(
                self.directory,
                vectors=vectors,
                stalls=stalls,
                waves=waves,
                faults=faults,
                expected_layers=self.expected_layers,
                progress=progress or (lambda step: None),
            )
        except SimulationError as error:
            raise ToolFailed(Problem(error.where, error.what, error.next)) from error
        write_report(self.directory, add_verdict(self.report, verdict))
        return verdict

    def synthesize(self, *, workers: int = 2, progress: Callable[[str], None] | None = None) -> Synthesis:
        """Synthesize the Verilog with Yosys for the board's family, stage by stage.

        Parameters
        ----------
        workers : int
            Most stages at a time.

        Returns
        -------
        Synthesis
            Resources, and levels of logic between registers; also written into the report. What was
            synthesized before, here or elsewhere, comes from a cache.

        Raises
        ------
        ToolFailed
            If the directory was changed after the build, or Yosys fails on a stage.
        """
        check_hashes(self.directory, self.manifest)
        try:
            board = boards.find(self.manifest["board"])
            found = synthesize(
                self.directory,
                command=board.synthesis,
                block_ram=f"bram{board.block_ram_kbit}",
                workers=workers,
                progress=progress or (lambda step: None),
            )
        except (boards.UnknownBoard, SynthesisError) as error:
            raise ToolFailed(Problem(error.where, error.what, error.next)) from error
        write_report(self.directory, add_synthesis(self.report, found))
        return found

    def bitstream(
        self, *, clock_mhz: float | None = None, seed: int = 1, tries: int = 1,
        progress: Callable[[str], None] | None = None,
    ) -> Implementation:  # fmt: skip
        """Make what the board loads, and write the clock that was reached into the report.

        As :func:`compiler.bitstream.make_bitstream`.
        """
        return make_bitstream(
            self.directory, self.manifest, clock_mhz=clock_mhz, seed=seed, tries=tries, progress=progress
        )

    def expected_layers(self, frames: list[int]) -> dict[str, np.ndarray]:
        """Return every value of the graph for some of the stored vectors."""
        with np.load(self.directory / "vectors.npz", allow_pickle=False) as vectors:
            return execute(self.graph, vectors["x"][frames].astype(np.int64), keep="all")
