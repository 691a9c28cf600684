"""Foldings keep up with the interval asked for, in as few multipliers as that takes, or say why not."""

from dataclasses import replace

import pytest

import boards
from compiler.errors import DoesNotFit
from compiler.ir.integer_ops import IntegerConv2d, IntegerLinear
from compiler.lowering import lower
from compiler.passes.choose_columns import Columns, choose_columns
from compiler.passes.choose_folding import ChooseFolding
from compiler.passes.layer import MOST_ARRAYS, Layer
from compiler.passes.prices import price_lists
from hdl.cost import cost_of
from hdl.resources import fabric_of
from tests.compiled import integer_graph

BOARD = boards.find("u250")
FABRIC = fabric_of(BOARD.lut_inputs)
PRICES = next(price_lists(BOARD))


def _multipliers(graph, schedule):
    return sum(
        folding.lanes * (graph.node(name).op.weight[0, 0].size if graph.node(name).op.weight.ndim == 4 else 1)
        for name, folding in schedule.foldings
        if folding.engine == "zero_skip"
    )


def test_a_longer_interval_never_takes_more_multipliers():
    graph = integer_graph("speech_like")
    schedules = [ChooseFolding(BOARD, interval)(graph) for interval in (150, 200, 400, 1000)]
    counts = [_multipliers(graph, schedule) for schedule in schedules]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_weights_on_the_input_become_wires_or_select_pixels_and_winners_select_words():
    schedule = ChooseFolding(BOARD)(integer_graph("speech_like"))
    engines = {name: folding.engine for name, folding in schedule.foldings}
    assert [engines[name] for name in engines if "conv" in name] == ["wires", "zero_skip"]
    slower = ChooseFolding(replace(BOARD, lut=2_000), 400)(integer_graph("speech_like"))
    assert slower.folding("conv2d_1").engine == "sparse_dense"


def test_an_interval_that_is_too_short_names_every_layer_that_cannot_keep_up():
    with pytest.raises(DoesNotFit) as refusal:
        ChooseFolding(BOARD, 10)(integer_graph("speech_like"))
    problems = refusal.value.problems
    assert len(problems) >= 3
    assert problems[0].where == "input"
    assert "takes at least 36 cycles a frame, more than the 10 asked for" in problems[0].what
    assert all("ask for --interval 50 or more" in problem.next for problem in problems)


def test_a_board_without_enough_multipliers_names_the_worst_layer():
    tiny = replace(BOARD, dsp=3)
    with pytest.raises(DoesNotFit, match="needs 3 DSP blocks, 1 of them here, but u250 offers 2 of its 3"):
        ChooseFolding(tiny)(integer_graph("speech_like"))


def test_a_small_board_gets_a_longer_interval():
    small = replace(BOARD, dsp=30)
    graph = integer_graph("dense_activations")
    assert ChooseFolding(small)(graph).interval_cycles > ChooseFolding(BOARD)(graph).interval_cycles


def test_the_taps_of_a_kernel_share_a_lane_before_a_board_is_too_small():
    graph, most = integer_graph("speech_like"), int(8 * BOARD.budget_fraction)
    chosen = ChooseFolding(replace(BOARD, dsp=8))(graph)
    assert chosen.interval_cycles > ChooseFolding(BOARD)(graph).interval_cycles
    stages = lower(graph, chosen).stages
    array = next(stage.config for stage in stages if stage.name == "conv2d_6")
    assert len(array.columns) < len(array.tables)
    assert sum(cost_of(stage.config, FABRIC).dsp for stage in stages) <= most


def test_weights_become_wires_where_multipliers_are_short_and_logic_is_not():
    graph = integer_graph("dense_activations")
    schedules = {lut: ChooseFolding(replace(BOARD, dsp=30, lut=lut))(graph) for lut in (1_000, BOARD.lut)}
    engines = {lut: schedule.folding("conv2d_0").engine for lut, schedule in schedules.items()}
    assert engines == {1_000: "sparse_dense", BOARD.lut: "wires"}
    assert schedules[1_000].interval_cycles > schedules[BOARD.lut].interval_cycles


@pytest.mark.parametrize(
    ("name", "interval"), [("speech_like", 400), ("one_by_one", 61), ("dense_activations", 100)]
)
def test_what_is_chosen_is_what_is_built(name, interval):
    graph = integer_graph(name)
    schedule, columns = ChooseFolding(BOARD, interval)(graph), choose_columns(graph, interval)
    stages = {stage.name: stage.config for stage in lower(graph, schedule).stages}
    slowest = max(config.cycles_per_frame for config in stages.values())
    for node in graph:
        if isinstance(node.op, IntegerConv2d | IntegerLinear):
            chosen = Layer(graph, node, columns, MOST_ARRAYS, FABRIC).cheapest(interval, PRICES)
            built, folding = stages[node.name], schedule.folding(node.name)
            assert chosen.folding == folding
            lanes = built.multipliers // folding.lanes
            in_lanes = folding.engine == "zero_skip"
            assert chosen.multipliers == (lanes * folding.multipliers if in_lanes else built.multipliers)
            window = stages.get(f"{node.name}_window", built)
            assert built.cycles_per_frame <= chosen.cycles <= interval
            # Windows take their time, but no more than is there.
            assert window.cycles_per_frame <= max(chosen.cycles, slowest) <= interval


def test_a_longer_interval_lets_taps_share_columns():
    graph, node = integer_graph("speech_like"), integer_graph("speech_like").node("conv2d_6")
    layer = Layer(graph, node, Columns(), 1, FABRIC)
    fast, slow = (layer.cheapest(interval, PRICES) for interval in (50, 80))
    assert fast.folding.lanes == slow.folding.lanes
    assert slow.multipliers < fast.multipliers


def test_an_interval_that_takes_too_many_multipliers_is_refused():
    with pytest.raises(DoesNotFit, match="an interval of 288 cycles needs .* ask for a longer --interval"):
        ChooseFolding(replace(BOARD, dsp=6), 288)(integer_graph("dense_activations"))
