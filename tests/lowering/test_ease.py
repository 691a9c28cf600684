"""Windows take as much time as the slowest stage leaves them, and no more."""

import boards
from compiler.lowering import lower, predict, size_queues
from compiler.passes.choose_folding import ChooseFolding
from hdl.conv.window import WindowConfig
from tests.compiled import integer_graph


def _windows(name, interval):
    graph = integer_graph(name)
    design = lower(graph, ChooseFolding(boards.find("u250"), interval)(graph))
    slowest = max(stage.config.cycles_per_frame for stage in design.stages)
    return design, slowest, {s.name: s.config for s in design.stages if isinstance(s.config, WindowConfig)}


def test_a_window_with_time_to_spare_rests_and_fetches_lazily():
    design, slowest, windows = _windows("speech_like", 2_000)
    first = next(iter(windows.values()))
    assert first.rests and first.lazy and first.cycles_per_frame <= slowest
    assert predict(size_queues(design)).interval_cycles <= slowest


def test_the_slowest_window_hurries():
    _, slowest, windows = _windows("dense_activations", None)
    assert any(one.cycles_per_frame == slowest and not one.lazy for one in windows.values())
