"""A schedule keeps to the budget of every resource and to what was asked for, or says why it cannot."""

from dataclasses import replace

import pytest

import boards
from compiler.errors import DoesNotFit
from compiler.scheduler import Scheduler
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
    limit = plan.limiting
    assert plan.need[limit] * plan.fitting <= BOARD.budget[limit] < plan.need[limit] * (plan.fitting + 1)
    assert chosen.instances == 1
    assert Scheduler(BOARD, fill=True)(graph).instances == plan.fitting


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
    with pytest.raises(DoesNotFit, match=r"is what \d+ instances make, of which each takes .* lut"):
        Scheduler(BOARD, frames_per_second=1e12)(graph)


def test_looking_further_finds_plans_that_are_faster(graph, chosen):
    faster, plan = Scheduler(BOARD, thorough=True)(graph), chosen.plan
    assert faster.plan.frames_per_second(faster.plan.fitting) >= plan.frames_per_second(plan.fitting)
    assert faster.faster is None or faster.faster.interval < faster.plan.interval
