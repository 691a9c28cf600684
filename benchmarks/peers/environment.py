"""Environments of the peers: each has its own, so that nothing of ours ever imports a peer."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["call"]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "peers"
CONSTRAINTS = Path(__file__).with_name("constraints.txt")
PACKAGES = {"da4ml": ["da4ml"], "nngen": ["nngen"], "onnx": ["onnx", "onnxruntime"]}
"""What is installed for each peer; versions stand in `CONSTRAINTS`."""


def call(peer: str, script: str, *arguments: str | Path, seconds: int = 3600) -> dict[str, Any]:
    """Run a script of this folder in the environment of a peer, and return the object that it answers.

    The script is given `arguments` and, last, the file for its answer. The environment is made where it is
    not there yet.
    """
    with tempfile.TemporaryDirectory(prefix="zeroskip-") as folder:
        answer = Path(folder) / "answer.json"
        command = [_python(peer), Path(__file__).with_name(f"{script}.py"), *arguments, answer]
        # Nothing of ours is on its path.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        result = subprocess.run(
            list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True,
            timeout=seconds,
        )  # fmt: skip
        if result.returncode:
            raise RuntimeError(f"{script} failed: {' | '.join(result.stderr.strip().splitlines()[-3:])}")
        return json.loads(answer.read_text())


def _python(peer: str) -> Path:
    """Return the Python of a peer's environment, made whole or not at all."""
    kept, wanted = FOLDER / peer, CONSTRAINTS.read_text()
    marker = kept / ".ready"
    if not marker.is_file() or marker.read_text() != wanted:
        shutil.rmtree(kept, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", kept], check=True)
        pip = [kept / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-c", CONSTRAINTS, *PACKAGES[peer]], check=True)
        marker.write_text(wanted)
    return kept / "bin" / "python"
