"""Random networks build or are refused with a reason; and then PyTorch, executor and hardware agree."""

import os

import numpy as np
from hypothesis import HealthCheck, given, settings

import boards
from compiler.errors import DoesNotFit, UnsupportedModel
from compiler.execute import execute
from compiler.frames import random_samples, to_integers, to_real
from compiler.frontend import load
from compiler.frontend.exact_module import exact_logits
from compiler.ir.verify import verify
from compiler.lowering import lower, predict, size_queues
from compiler.passes.choose_folding import ChooseFolding
from compiler.passes.fold_batchnorm import FoldBatchNorm
from compiler.passes.hoist_relu import HoistRelu
from compiler.passes.quantize import Quantize
from compiler.passes.tighten_accumulators import TightenAccumulators
from hdl.accelerator import Accelerator
from tests.simulated import simulate
from tests.strategies import Drawn, networks

EXAMPLES = int(os.environ.get("N", "25"))


@settings(
    max_examples=EXAMPLES,
    derandomize="N" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(networks())
def test_four_answers_agree(drawn: Drawn):
    try:
        graph = load(drawn.model, input_shape=drawn.shape)
        calibration = to_real(graph, random_samples(graph, 8, seed=1))
        for rewrite in (
            FoldBatchNorm(),
            HoistRelu(),
            Quantize(calibration=calibration),
            TightenAccumulators(),
        ):
            graph = rewrite(graph)
            verify(graph)
        schedule = ChooseFolding(boards.find("u250"))(graph)
    except (UnsupportedModel, DoesNotFit) as refusal:
        assert all(problem.where and problem.what for problem in refusal.problems)
        return
    frames = to_integers(graph, random_samples(graph, 3, seed=2))
    answers = execute(graph, frames)
    assert np.array_equal(answers, exact_logits(graph, frames))
    design = size_queues(lower(graph, schedule))
    hardware = Accelerator(design)
    assert predict(design).latency_cycles > 0
    words = simulate(hardware, frames, stall=0.3)
    step = design.egress.beats
    got = [design.egress.decode(words[n : n + step]) for n in range(0, len(words), step)]
    assert np.array_equal(np.array(got).reshape(answers.shape), answers)
