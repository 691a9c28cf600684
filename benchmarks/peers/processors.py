"""The dense network on a processor: PyTorch and ONNX Runtime, one thread."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.peers.environment import call
from benchmarks.results import Part
from benchmarks.throughput import MODELS
from compiler.frames import load_samples, to_real
from compiler.frontend import load
from compiler.ir.float_ops import Conv2d, Linear
from compiler.passes.fold_batchnorm import FoldBatchNorm

__all__ = ["PARTS", "TEXT"]

NETWORK = MODELS / "dense.pt"
ROUNDS, FRAMES = 5, 256
BATCHES = (1, 64)
TEXT = """
Frames a second of processor time, of the dense network with batch-norm folded, the best of five rounds of
256 frames on one thread; a processor gains nothing from zeros that lie where chance put them. Other programs
ran on both cores and took part of the caches: lower bounds.
"""
KINDS = {
    **{f"{form}_batch_{batch}": "measured" for form in ("fp32", "int8") for batch in BATCHES},
    "same_answers": "measured", "version": "counted",
}  # fmt: skip
"""`same_answers`: of fp32 and int8, on the recorded words that ship here."""


def folded() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return weights and biases with batch-norm folded, by `layer.weight`, and the recorded words."""
    graph = load(NETWORK)
    words = to_real(graph, load_samples(MODELS / "vectors.npz", graph.input.shape))
    arrays = {}
    for node in FoldBatchNorm()(graph):
        if isinstance(node.op, Conv2d | Linear):
            arrays |= {f"{node.name}.weight": node.op.weight, f"{node.name}.bias": node.op.bias}
    return arrays, words


def measure_onnx(folder: Path) -> dict[str, Any]:
    """Run in an environment of its own."""
    arrays, words = folded()
    folder.mkdir(parents=True)
    np.savez(folder / "network.npz", x=words, **arrays)
    return call("onnx", "onnx_runtime", folder / "network.npz")


def measure_pytorch(folder: Path) -> dict[str, Any]:
    """Run the network frozen and optimized for inference."""
    arrays, words = folded()
    torch.set_num_threads(1)
    frames = torch.tensor(words, dtype=torch.float32)
    network = _network(arrays).eval()
    found: dict[str, Any] = {"version": torch.__version__}
    with torch.inference_mode():
        frozen = torch.jit.optimize_for_inference(torch.jit.trace(network, frames[:1]))
        for batch in BATCHES:
            found[f"fp32_batch_{batch}"] = round(_speed(frozen, frames, batch))
    return found


def _network(arrays: dict[str, np.ndarray]) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for name in ("conv1", "conv2", "linear1", "linear2"):
        weight, bias = (torch.tensor(arrays[f"{name}.{part}"]).float() for part in ("weight", "bias"))
        kind = torch.nn.Conv2d if weight.ndim == 4 else torch.nn.Linear
        layer = kind(weight.shape[1], weight.shape[0], *weight.shape[2:3])
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        layers += [torch.nn.Flatten()] if name == "linear1" else []
        layers += [layer, *([torch.nn.ReLU()] if name != "linear2" else [])]
        layers += [torch.nn.MaxPool2d(2)] if weight.ndim == 4 else []
    return torch.nn.Sequential(*layers)


def _speed(network: torch.nn.Module, frames: torch.Tensor, batch: int) -> float:
    """Return frames a second of processor time, of the best round."""
    part = frames[torch.arange(batch) % len(frames)]
    count, best = FRAMES // batch, 0.0
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(count):
            network(part)
        best = max(best, count * batch / (time.process_time() - started))
    return best


PARTS = [
    Part("processors", name, measure, KINDS)
    for name, measure in (("pytorch", measure_pytorch), ("onnx_runtime", measure_onnx))
]
