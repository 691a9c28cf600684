"""K-WTA layers get lanes until queues in front of them are not what a design consists of."""

from dataclasses import replace

import pytest

import boards
from compiler.lowering import lower, predict, size_queues
from compiler.passes.choose_folding import ChooseFolding
from compiler.scheduler.plan import Plan
from compiler.scheduler.shorten_queues import shorten_queues
from tests.compiled import integer_graph


def plan_on(lut: int, interval: int) -> Plan:
    graph, board = integer_graph("speech_like"), replace(boards.find("ecp5-85f"), lut=lut)
    schedule = ChooseFolding(board, interval)(graph)
    design = size_queues(lower(graph, schedule))
    return Plan(board, graph, schedule, design, predict(design))


@pytest.mark.parametrize("interval", [100, 300])
def test_lanes_take_the_place_of_a_queue_where_they_take_less(interval):
    before = plan_on(6_000, interval)
    after = shorten_queues(before)
    assert "kwinners2d_5_regroup_queue" in before.stages.keys() - after.stages.keys()
    assert after.need["lut"] < before.need["lut"] and after.interval <= before.interval
    lanes = [plan.schedule.folding("kwinners2d_5").lanes for plan in (before, after)]
    assert lanes[0] < lanes[1]
    changed = replace(after.schedule.folding("kwinners2d_5"), lanes=lanes[0])
    others = dict(after.schedule.foldings) | {"kwinners2d_5": changed}
    assert tuple(others.items()) == before.schedule.foldings


def test_queues_that_a_board_has_room_for_stay():
    plan = plan_on(83_640, 300)
    assert shorten_queues(plan) is plan
