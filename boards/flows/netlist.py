"""Verilog → netlist of a family's cells: leaf modules one by one, then what holds them together.

`python -m boards.flows.netlist JOB.json` does one step, in a process that can be ended at any time.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boards.flows.process import run_program
from boards.synthesis.brackets import rename_brackets

__all__ = ["synthesize_netlist"]

MAP_LUTS = "map_luts"
RECIPE = "2"
"""Of what is kept: another one where a leaf is synthesized in another way."""


def synthesize_netlist(
    rtl: Path, shell: Path, *, command: str, scratch: Path, cache: Path, version: str,
    progress: Callable[[str], None],
) -> Path:  # fmt: skip
    """Return the netlist, as nextpnr reads it, of a shell around the module `top` of `rtl`.

    Parameters
    ----------
    rtl : Path
        Folder of Verilog, a module a file at least, and its memory images.
    shell : Path
        RTLIL whose module of the same name is the whole.
    command : str
        Of Yosys, for the family.
    scratch, cache : Path
        Folders for this run's files, and for netlists of modules by the hash of what they are made of.
    version : str
        Of Yosys.
    """
    texts = {path.stem: path.read_text() for path in sorted(rtl.glob("*.v"))}
    leaves = {name for name, text in texts.items() if not _others(text) & (texts.keys() - {name})}
    cache.mkdir(parents=True, exist_ok=True)
    netlists, keys = [], []
    for name in sorted(leaves, key=lambda name: len(texts[name])):
        images = [path.read_bytes() for path in sorted((rtl / "images").glob(f"{name}_rom*"))]
        key = _key(RECIPE, command, version, name, texts[name], *images)
        target = cache / f"{key}.il"
        if not target.is_file():
            progress(f"synthesize {name}")
            partial = cache / f"{key}.{os.getpid()}.il"
            sources = [f"read_verilog {rtl / name}.v"]
            _run({"name": name, "command": command, "sources": sources, "rtlil": str(partial)}, scratch)
            os.replace(partial, target)
        netlists.append((name, str(target)))
        keys.append(key)
    whole = sorted(texts.keys() - leaves)
    key = _key(RECIPE, command, version, shell.read_bytes(), *(texts[name] for name in whole), *keys)
    kept = cache / f"{key}.json"
    if not kept.is_file():
        progress("join the stages")
        partial = kept.with_suffix(f".{os.getpid()}.json")
        sources = [f"read_verilog {rtl / name}.v" for name in whole] + [f"read_rtlil {shell}"]
        job = {"name": shell.stem, "command": command, "sources": sorted(sources), "leaves": netlists}
        _run({**job, "json": str(partial)}, scratch)
        os.replace(partial, kept)
    return Path(shutil.copyfile(kept, scratch / f"{shell.stem}.json"))


def _others(text: str) -> set[str]:
    """Return every name that stands where an instance names its module."""
    return set(re.findall(r"^\s+\\?([A-Za-z_][\w$]*) (?:\\|#|[A-Za-z_])", text, re.MULTILINE))


def _key(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part if isinstance(part, bytes) else part.encode()).digest())
    return digest.hexdigest()[:24]


def _run(job: dict, scratch: Path) -> None:
    path = scratch / f"{job['name']}.job.json"
    path.write_text(json.dumps(job))
    root = str(Path(__file__).parents[2])
    run_program(
        f"yosys-{job['name']}", [sys.executable, "-m", "boards.flows.netlist", path], scratch,
        environment={"PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])},
    )  # fmt: skip


def main() -> None:
    """Do the step that the command line names."""
    from pyosys import libyosys

    job = json.loads(Path(sys.argv[1]).read_text())
    design = libyosys.Design()

    def run(*commands: str) -> None:
        for command in commands:
            design.run_pass(f"tee -q -a yosys-{job['name']}.passes.log {command}")

    run(*job["sources"])
    leaves = [name for name, _ in job.get("leaves", ())]
    run(*(f"read_rtlil -nooverwrite {path}" for _, path in job.get("leaves", ())))
    if leaves:
        run(f"setattr -mod -set blackbox 1 {' '.join(leaves)}")
    whole = f"{job['command']} -top {job['name']}" + (" -noflatten" if leaves else "")
    run(f"hierarchy -top {job['name']}")
    twins = [] if leaves else _twins(design)
    run(*(f"setattr -mod -set keep_hierarchy 1 {name}" for name in twins))
    run(f"{whole} -run begin:{MAP_LUTS}")
    rename_brackets(libyosys, design)
    run(f"{whole} -run {MAP_LUTS}:check")
    if leaves:
        # The family's cells are boxes from here on, or they would be opened as well.
        run("blackbox =A:whitebox")
        run(f"setattr -mod -unset blackbox {' '.join(f'={name}' for name in leaves)}")
        run(f"hierarchy -top {job['name']}")
        run("flatten", "delete t:$scopeinfo", "opt_clean -purge", f"write_json {job['json']}")
    else:
        run(*(f"setattr -mod -unset keep_hierarchy {name}" for name in twins))
        run("flatten", "delete t:$scopeinfo", "opt_clean -purge")
        run(f"select {job['name']}", f"write_rtlil -selected {job['rtlil']}")


def _twins(design: Any) -> list[str]:
    """Return the modules that there are several instances of.

    Opened before they are mapped, their equal registers would become one, and lead all over the chip.
    """
    modules = {str(name): module for name, module in design.modules_.items()}
    kinds = Counter(str(cell.type) for module in modules.values() for cell in module.cells_.values())
    return [name for name, count in kinds.items() if count > 1 and name in modules]


if __name__ == "__main__":
    main()
