"""Environments of the peers: each has its own, so that nothing of ours ever imports a peer."""

import json
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
        # Isolated: neither PYTHONPATH nor this folder, whose files are called like the peers, is on its path.
        command = [_python(peer), "-I", Path(__file__).with_name(f"{script}.py"), *arguments, answer]
        result = subprocess.run(
            list(map(str, command)), cwd=folder, capture_output=True, text=True, timeout=seconds
        )
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
