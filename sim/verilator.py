"""Build a simulator of a build directory with Verilator, and say how it is run.

A simulator is cached in `sim/cache` of the build directory under a hash of everything that goes into it.
Memory images are read when it runs, so that new weights need no new simulator.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cocotb_tools.config
import find_libpython

from sim.contract import Contract
from sim.errors import SimulationError
from sim.gates import GATE, gated_sources
from sim.harness import SOURCES, harness_parameters, taps_source
from sim.programs import Program, cores, run_program
from sim.toolchain import build_environment, make_variables, require_tools, simulator_name

__all__ = ["build_simulator", "check_images", "scratch_folder", "simulation"]

# VCD, since Verilator's FST writer needs headers (lz4, zlib) that few machines have.
# No `--public-flat-rw`, which cocotb's own runner passes: it makes every signal visible to Python, and slow.
OPTIONS = (
    "--cc --exe --vpi -O3 --no-timing --threads 1 --x-assign fast --output-split 20000 "
    "-Wno-fatal -Wno-lint -Wno-style --prefix Vtop --top-module harness -o simulator"
).split()

SPEED = ("OPT_FAST=-O2", "OPT_SLOW=-O1", "OPT_GLOBAL=-O2")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a fresh folder that vanishes afterwards; in the system's place, since make dislikes spaces."""
    folder = Path(tempfile.mkdtemp(prefix="zeroskip-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def build_simulator(
    directory: Path, contract: Contract, *, waves: bool = False, gates: bool = False
) -> Path:
    """Return the executable that simulates `directory`, from the cache if nothing changed.

    Parameters
    ----------
    directory : Path
        A build directory.
    contract : Contract
        Of the same directory.
    waves : bool
        Whether it can write waves; such a simulator takes longer to build and is several times slower.
    gates : bool
        Whether it can hold up streams inside the design.
    """
    require_tools()
    sources = sorted((directory / "rtl").glob("*.v"))
    options = [*OPTIONS, *_cocotb_options(), *(["--trace-vcd"] if waves else [])]
    options += [f"-G{name}={value}" for name, value in harness_parameters(contract).items()]
    taps = taps_source(contract)
    cache = directory / "sim" / "cache"
    target = cache / _key([*sources, *SOURCES, *([GATE] if gates else [])], [taps, *options])
    if target.is_file():
        return target
    with scratch_folder() as folder:
        (folder / "taps.sv").write_text(taps)
        if gates:
            sources = gated_sources(directory, folder)
        inputs = [*SOURCES, folder / "taps.sv", *(source.resolve() for source in sources)]
        _verilate(folder, [*options, *map(str, inputs)])
        cache.mkdir(parents=True, exist_ok=True)
        partial = cache / f"partial-{os.getpid()}"
        shutil.copy2(folder / "obj" / "simulator", partial)
        os.replace(partial, target)
    return target


def _cocotb_options() -> list[str]:
    libraries = cocotb_tools.config.libs_dir
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    return ["-LDFLAGS", f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator", str(main)]


def _key(files: list[Path], texts: list[str]) -> str:
    """Return a hash of everything that goes into a simulator."""
    digest = hashlib.sha256()
    for content in [*(file.read_bytes() for file in files), *map(str.encode, [*texts, simulator_name()])]:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:24]


def _verilate(folder: Path, arguments: list[str]) -> None:
    environment = build_environment()
    verilator = shutil.which("verilator", path=environment["PATH"])
    command = [verilator, "--Mdir", str(folder / "obj"), *arguments]
    run_program(Program("verilator", command, folder, environment))
    make = ["make", "-C", str(folder / "obj"), "-f", "Vtop.mk", f"-j{cores()}", *make_variables(), *SPEED]
    runtime = runtime_cache(["--trace-vcd" in arguments])
    for compiled in runtime.glob("*.o"):
        shutil.copy(compiled, folder / "obj")  # newer than its source, so that make leaves it alone
    run_program(Program("make", make, folder, environment))
    _keep_runtime(folder / "obj", runtime)


def runtime_cache(options: list[object]) -> Path:
    """Return where Verilator's own library, the same for all designs, is kept once it was compiled."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    facts = [simulator_name(), sys.prefix, *SPEED, *map(str, options)]
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    return home / "zeroskip" / f"verilated-{key}"


def _keep_runtime(objects: Path, runtime: Path) -> None:
    """Keep the library's object files, whole or not at all; a cache that cannot be written is none."""
    if runtime.is_dir():
        return
    partial = runtime.with_name(f"{runtime.name}.{os.getpid()}")
    try:
        partial.mkdir(parents=True)
        for compiled in objects.glob("verilated*.o"):
            shutil.copy(compiled, partial)
        partial.rename(runtime)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)


def simulation(simulator: Path, directory: Path, folder: Path, plusargs: dict[str, int | str]) -> Program:
    """Return the program that simulates in `folder`, which holds `input.bin` and gets the harness's logs.

    Every register and memory cell that reset or an initial value does not set starts at random.
    """
    images = folder / "images"
    if not images.is_symlink():
        images.symlink_to((directory / "rtl" / "images").resolve())
    environment = build_environment() | {
        "COCOTB_TEST_MODULES": "sim.bench",
        "COCOTB_TOPLEVEL": "harness",
        "COCOTB_RESULTS_FILE": str(folder / "results.xml"),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        # Nothing is asserted inside: pytest's rewriting and plugins would only take time.
        "COCOTB_REWRITE_ASSERTION_FILES": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "COCOTB_ANSI_OUTPUT": "0",
        "GPI_USERS": f"{find_libpython.find_libpython()};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)]),
        "TOPLEVEL_LANG": "verilog",
    }
    arguments = [f"+{name}={value}" for name, value in plusargs.items()]
    arguments += [f"+verilator+seed+{plusargs['seed']}", "+verilator+rand+reset+2"]
    return Program("simulator", [str(simulator), *arguments], folder, environment)


def check_images(log: Path) -> None:
    """Refuse a simulation that did not find all of its memory images."""
    # To Verilator a memory image that is not there is a warning; here the design is then not the one built.
    damaged = [line for line in log.read_text(errors="replace").splitlines() if "$readmem" in line]
    if damaged:
        raise SimulationError("rtl/images", damaged[0], "build the directory again")
