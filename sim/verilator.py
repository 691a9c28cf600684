"""Build a simulator of a build directory with Verilator, and run it. The only file that starts programs.

A simulator is cached in `sim/cache` of the build directory under a hash of everything that goes into it.
Memory images are read when it runs, so that new weights need no new simulator.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cocotb_tools.config
import find_libpython

from sim.contract import Contract
from sim.errors import SimulationError
from sim.gates import GATE, gated_sources
from sim.harness import SOURCES, harness_parameters, taps_source
from sim.toolchain import build_environment, make_variables, require_tools, simulator_name

__all__ = ["build_simulator", "run_simulator", "scratch_folder"]

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
    _run("verilator", [verilator, "--Mdir", str(folder / "obj"), *arguments], folder, environment)
    jobs = f"-j{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}"
    command = ["make", "-C", str(folder / "obj"), "-f", "Vtop.mk", jobs, *make_variables(), *SPEED]
    runtime = runtime_cache(["--trace-vcd" in arguments])
    for compiled in runtime.glob("*.o"):
        shutil.copy(compiled, folder / "obj")  # newer than its source, so that make leaves it alone
    _run("make", command, folder, environment)
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


def run_simulator(simulator: Path, directory: Path, folder: Path, plusargs: dict[str, int | str]) -> None:
    """Run one simulation in `folder`, which holds `input.bin` and gets the logs of the harness.

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
        "COCOTB_ANSI_OUTPUT": "0",
        "GPI_USERS": f"{find_libpython.find_libpython()};{cocotb_tools.config.pygpi_entry_point()}",
        "PYGPI_PYTHON_BIN": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)]),
        "TOPLEVEL_LANG": "verilog",
    }
    arguments = [f"+{name}={value}" for name, value in plusargs.items()]
    arguments += [f"+verilator+seed+{plusargs['seed']}", "+verilator+rand+reset+2"]
    log = _run("simulator", [str(simulator), *arguments], folder, environment)
    # To Verilator a memory image that is not there is a warning; here the design is then not the one built.
    damaged = [line for line in log.read_text(errors="replace").splitlines() if "$readmem" in line]
    if damaged:
        raise SimulationError("rtl/images", damaged[0], "build the directory again")


def _run(name: str, command: list[str], folder: Path, environment: dict[str, str]) -> Path:
    """Run a program in its own process group, which an interrupt ends whole; return its log."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait()
        except BaseException:
            with suppress(ProcessLookupError):  # the signal may come when it has just ended
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if status:
        raise SimulationError(name, f"failed with status {status}: {_gist(log)}")
    return log


def _gist(log: Path) -> str:
    """Return the lines of a log that say what went wrong: its errors, or else its end."""
    lines = log.read_text(errors="replace").splitlines()
    errors = [line for line in lines if "%Error" in line or "error:" in line or "Error" in line]
    return " | ".join((errors or lines[-3:] or ["no output"])[:3])
