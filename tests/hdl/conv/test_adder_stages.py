"""Pipeline stages hold no more adders in a row than allowed, and registers keep what is still needed."""

import numpy as np
import pytest

from hdl.conv.adder_graph import build_adder_graph
from hdl.conv.adder_stages import AdderStages
from hdl.conv.subexpressions import Range


def _graph():
    rng = np.random.default_rng(0)
    weight = rng.integers(-40, 41, (12, 9)) * (rng.random((12, 9)) < 0.6)
    return build_adder_graph(weight, rng.integers(-500, 500, 12), [Range(-128, 127)] * 9)


@pytest.mark.parametrize("adders_per_stage", [1, 2, 3, 100])
def test_no_stage_has_more_adders_in_a_row_than_allowed(adders_per_stage):
    graph = _graph()
    stages = AdderStages(graph, adders_per_stage)
    row, inputs = {}, len(graph.inputs)
    for number, (adder, stage) in enumerate(zip(graph.adders, stages.stages, strict=True), inputs):
        before = [s for s in adder.signals if s >= inputs and stages.stages[s - inputs] == stage]
        row[number] = 1 + max((row[signal] for signal in before), default=0)
    assert max(row.values()) <= adders_per_stage
    assert stages.count == -(-graph.depth // adders_per_stage)


@pytest.mark.parametrize("adders_per_stage", [1, 2, 3])
def test_operands_of_earlier_stages_are_kept_until_they_are_needed(adders_per_stage):
    graph = _graph()
    stages = AdderStages(graph, adders_per_stage)
    inputs = len(graph.inputs)
    made = [0] * inputs + list(stages.stages)
    for adder, stage in zip(graph.adders, stages.stages, strict=True):
        for signal in adder.signals:
            assert made[signal] <= stage
            assert set(range(made[signal], stage)) <= set(stages.alive[signal])
    for term in graph.outputs:
        assert stages.alive[term.signal] == range(made[term.signal], stages.count)


def test_registers_are_fewer_than_with_every_adder_as_early_as_it_can_be():
    graph = _graph()
    stages = AdderStages(graph, 1)
    early = [max(depth - 1, 0) for depth in graph.depths]
    last = list(early)
    for stage, adder in zip(early[len(graph.inputs) :], graph.adders, strict=True):
        for signal in adder.signals:
            last[signal] = max(last[signal], stage)
    for term in graph.outputs:
        last[term.signal] = stages.count
    waits = [end - stage for end, stage in zip(last, early, strict=True)]
    early_bits = sum(wait * one.bits for wait, one in zip(waits, graph.ranges, strict=True))
    assert stages.register_bits < early_bits
