"""A shell around a small design, built with Verilator, for cocotb tests on the models of cocotbext-axi."""

import json
import os
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import cocotb_tools.config
import find_libpython
import torch

import boards
import compiler
from benchmarks.networks import network, retrained
from compiler.weights import reweight
from sim import verilator
from sim.programs import Program, run_program
from sim.toolchain import build_environment

__all__ = ["build_directory", "run_bench"]

ROOT = Path(__file__).parents[2]
BAD = {"failure", "error", "skipped"}


def build_directory(folder: Path, board: str, name: str = "one_by_one") -> Path:
    """Build one of the small networks for a board, with the board's project beside it.

    Its weights can be loaded: those of another network lie in `other-BOARD` beside it.
    """
    model, shape = network(name)
    bundle = compiler.build(model, board=board, output=folder / board, input_shape=shape, reloadable=True)
    torch.save(retrained(model, kept=1), folder / "other.pt")
    reweight(bundle.directory, folder / "other.pt", output=folder / f"other-{board}")
    boards.find(board).flow.write_project(bundle.directory, bundle.manifest, boards.find(board))
    return bundle.directory


def run_bench(directory: Path, top: str, sources: list[Path], bench: str, folder: Path) -> list[str]:
    """Simulate module `top` under the cocotb tests of a module; return the names of those that passed.

    Raises AssertionError with the log if one failed.
    """
    public = folder / "public.vlt"
    public.write_text(f'`verilator_config\npublic_flat_rw -module "{top}" -var "*"\n')
    options = [option for option in verilator.OPTIONS if option != "harness"]
    options.insert(options.index("--top-module") + 1, top)
    inputs = [public, *sorted((directory / "rtl").glob("*.v")), *sources]
    arguments = [*options, *verilator._cocotb_options(), *(str(path.resolve()) for path in inputs)]
    verilator._verilate(folder, arguments)
    (folder / "images").symlink_to((directory / "rtl" / "images").resolve())
    (folder / "bench.json").write_text(json.dumps({"directory": str(directory.resolve())}))
    environment = build_environment() | {
        "COCOTB_TEST_MODULES": bench,
        "COCOTB_TOPLEVEL": top,
        "COCOTB_RESULTS_FILE": str(folder / "results.xml"),
        "COCOTB_ANSI_OUTPUT": "0",
        "GPI_USERS": f"{find_libpython.find_libpython()};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "TOPLEVEL_LANG": "verilog",
    }
    log = run_program(Program("simulator", [str(folder / "obj" / "simulator")], folder, environment))
    cases = list(ElementTree.parse(folder / "results.xml").iter("testcase"))
    failed = [case.get("name") for case in cases if {part.tag for part in case} & BAD]
    assert cases and not failed, f"{failed}\n{log.read_text()[-6000:]}"
    return [case.get("name") for case in cases]
