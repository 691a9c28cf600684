"""A schedule keeps to the budget of every resource and to what was asked for, or says why it cannot."""

from dataclasses import replace

import pytest

import boards
from compiler.errors import DoesNotFit
from compiler.lowering import lower, predict, size_queues
from compiler.passes.choose_folding import ChooseFolding
from compiler.scheduler import Scheduler, search
from hdl.cost import cost_of
from hdl.resources import fabric_of, total
from tests.compiled import integer_graph

BOARD = boards.find("u250")


@pytest.fixture(scope="module")
def graph():
    return integer_graph("speech_like")


@pytest.fixture(scope="module")
def chosen(graph):
    return Scheduler(BOARD)(graph)


def test_the_stages_add_up_to_the_need(chosen):
    plan = chosen.plan
    told = chosen.to_json()
    for name, need in plan.need.items():
        assert need == sum(stage[name] for stage in told["stages"].values())
        assert told["resources"][name]["budget"] == BOARD.budget[name]
    assert set(told["stages"]) == {"ingress", "egress", *(stage.name for stage in plan.design.stages)}


def test_as_many_instances_fit_as_the_limiting_resource_allows(graph, chosen):
    plan = chosen.plan
    need, more = plan.need_of(plan.fitting), plan.need_of(plan.fitting + 1)
    assert all(need[name] <= budget for name, budget in BOARD.budget.items())
    assert any(more[name] > budget for name, budget in BOARD.budget.items())
    assert chosen.instances == 1


def test_a_board_is_filled_no_further_than_one_bus_feeds(graph, chosen):
    plan = chosen.plan
    assert plan.filling_limit == "bus"
    clock = BOARD.clock_mhz * 1e6
    assert plan.filled == clock / plan.fewest_cycles < plan.fitting * clock / plan.interval
    filled = Scheduler(BOARD, fill=True)(graph)
    assert filled.instances == plan.useful < plan.fitting
    assert (filled.instances - 1) * filled.plan.fewest_cycles < filled.plan.interval
    small = Scheduler(replace(BOARD, lut=20_000))(graph).plan
    assert small.filling_limit == "lut"
    assert small.useful == small.fitting


def test_what_a_filled_board_takes_is_what_its_design_takes(graph, chosen):
    schedule = chosen.plan.replicate(3)
    design = size_queues(lower(graph, schedule))
    predicted = predict(design)
    parts = [design.ingress, design.egress, design.distribute, design.gather]
    stages = [stage.config for stage in design.stages]
    fabric = fabric_of(BOARD.lut_inputs)
    whole = total([cost_of(one, fabric) for one in parts] + 3 * [cost_of(one, fabric) for one in stages])
    assert chosen.plan.need_of(3) == chosen.plan.named(whole)
    assert chosen.plan.frames_per_second(3) == BOARD.clock_mhz * 1e6 / predicted.interval_cycles


def test_words_move_to_block_ram_as_far_as_that_leaves_room_for_more(graph):
    plan = Scheduler(BOARD, 60)(graph).plan
    folding = plan.schedule.folding("conv2d_6")
    stages = {stage.name: stage.config for stage in lower(graph, plan.schedule).stages}
    config = stages["conv2d_6"]
    array = getattr(config, "array", config)
    assert 0 < folding.blocks <= len(array.columns)
    assert [column.memory for column in array.columns].count("block") == folding.blocks
    without = replace(plan, design=lower(graph, ChooseFolding(BOARD, 60)(graph)))
    assert max(plan.shares.values()) < max(without.shares.values())


@pytest.mark.parametrize("resource", ["lut", "ff"])
def test_a_board_that_is_too_small_names_resource_need_limit_and_worst_stage(graph, chosen, resource):
    small = replace(BOARD, **{resource: 1_500})
    with pytest.raises(DoesNotFit) as refusal:
        Scheduler(small)(graph)
    (problem,) = refusal.value.problems
    assert problem.where in chosen.plan.stages
    assert f"{resource}, " in problem.what
    assert "but u250 offers 1,125 of its 1,500" in problem.what


def test_a_smaller_board_gets_a_smaller_design_if_there_is_one(graph, chosen):
    tight = replace(BOARD, lut=int(chosen.plan.need["lut"] / BOARD.budget_fraction) - 1)
    smaller = Scheduler(tight)(graph).plan
    assert smaller.need["lut"] < chosen.plan.need["lut"]
    assert smaller.interval > chosen.plan.interval


def test_an_interval_is_kept_within_in_less_than_a_shorter_one_takes(graph, chosen):
    plan = Scheduler(BOARD, 400)(graph).plan
    assert chosen.plan.interval < plan.interval <= 400
    assert plan.need["lut"] < chosen.plan.need["lut"]


def test_a_rate_is_met_with_the_least_share_of_the_board(graph, chosen):
    slow = Scheduler(BOARD, frames_per_second=1e6)(graph)
    assert slow.plan.frames_per_second(slow.instances) >= 1e6
    assert slow.plan.shares["lut"] * slow.instances <= chosen.plan.shares["lut"]
    rate = 3 * chosen.plan.frames_per_second()
    fast = Scheduler(BOARD, frames_per_second=rate)(graph)
    assert fast.instances > 1
    assert fast.plan.frames_per_second(fast.instances) >= rate > fast.plan.frames_per_second()


def test_a_rate_beyond_the_board_says_what_the_board_can_do(graph):
    with pytest.raises(DoesNotFit, match=r"\d+ instances make, more than which one bus does not feed"):
        Scheduler(BOARD, frames_per_second=1e12)(graph)


def test_to_fill_a_board_looks_further(graph):
    small, tried = replace(BOARD, lut=60_000), ([], [])
    usual = Scheduler(small, progress=tried[0].append)(graph)
    filling = Scheduler(small, fill=True, progress=tried[1].append)(graph)
    assert filling.plan.filled >= usual.plan.filled
    assert filling.faster is None or filling.faster.interval < filling.plan.interval
    assert set(tried[0]) < set(tried[1])
    assert all(told.endswith(" cycles") for told in tried[1])


def test_what_is_many_times_too_large_and_hardly_shrinks_is_refused_soon(graph, monkeypatch):
    tried = {}
    for shrinking in (1, 0.7):
        monkeypatch.setattr(search, "SHRINKING", shrinking)
        told = tried[shrinking] = []
        with pytest.raises(DoesNotFit, match="but u250 offers 75 of its 100"):
            Scheduler(replace(BOARD, lut=100), progress=told.append)(graph)
    assert len(tried[0.7]) < len(tried[1])
    assert tried[0.7] == tried[1][: len(tried[0.7])]


@pytest.mark.parametrize("name", ["u250", "ecp5-85f"])
def test_memories_that_can_be_loaded_are_part_of_the_budget(graph, name):
    board = boards.find(name)
    fixed, loaded = (Scheduler(board, 150, reloadable=wish)(graph).plan for wish in (False, True))
    assert loaded.schedule.reloadable and not fixed.schedule.reloadable
    assert loaded.need["lut"] > fixed.need["lut"]
    more = {stage: loaded.stages[stage].ff - fixed.stages[stage].ff for stage in fixed.stages}
    assert {stage for stage, ff in more.items() if ff > 0} == {"conv2d_6", "linear_11", "linear_15"}
    assert not any(ff < 0 for ff in more.values())
    tight = replace(board, lut=int(fixed.need["lut"] / board.budget_fraction) + 10)
    Scheduler(tight, 150)(graph)
    with pytest.raises(DoesNotFit, match="needs .* lut"):
        Scheduler(tight, 150, reloadable=True)(graph)
