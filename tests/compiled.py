"""From a small network to its design, without a build directory: what several test folders start from."""

from functools import cache

import numpy as np

import boards
from benchmarks.networks import network
from compiler.execute import execute
from compiler.frames import random_samples, to_integers, to_real
from compiler.frontend import load
from compiler.ir.graph import Graph
from compiler.lowering import lower, size_queues
from compiler.passes.choose_folding import ChooseFolding
from compiler.passes.fold_batchnorm import FoldBatchNorm
from compiler.passes.hoist_relu import HoistRelu
from compiler.passes.quantize import Quantize
from compiler.passes.tighten_accumulators import TightenAccumulators
from hdl.accelerator import Accelerator

__all__ = ["accelerator", "frames_and_answers", "integer_graph"]


@cache
def integer_graph(name: str) -> Graph:
    """Return the exact form of one of `benchmarks.networks.NETWORKS`."""
    model, shape = network(name)
    graph = load(model, input_shape=shape)
    calibration = to_real(graph, random_samples(graph, 16, seed=1))
    for rewrite in (FoldBatchNorm(), HoistRelu(), Quantize(calibration=calibration), TightenAccumulators()):
        graph = rewrite(graph)
    return graph


def accelerator(name: str, interval: int | None = None) -> Accelerator:
    """Return the hardware of a network, folded for an interval or the shortest one."""
    graph = integer_graph(name)
    schedule = ChooseFolding(boards.find("u250"), interval)(graph)
    return Accelerator(size_queues(lower(graph, schedule)))


def frames_and_answers(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 frames, and the output that the executor computes for them."""
    graph = integer_graph(name)
    frames = to_integers(graph, random_samples(graph, count, seed=2))
    return frames, execute(graph, frames)
