from dataclasses import replace

import numpy as np

from compiler.ir.float_ops import Normalize
from compiler.ir.text import to_text
from tests.execute.graphs import random_graph


def test_each_node_has_one_line_and_the_text_is_stable():
    more = {"normalize": Normalize(1.0, 2.0), "notes": ("a note",)}
    graph = replace(random_graph(0), **more)
    lines = to_text(graph).splitlines()
    assert to_text(graph) == to_text(replace(random_graph(0), **more))
    assert lines[:2] == ["graph random", "normalize mean=1.0 std=2.0"]
    assert lines[-1] == "note a note"
    assert len(lines) == len(graph.nodes) + 5
    assert all(line.startswith(f"%{node.name} [") for line, node in zip(lines[3:], graph, strict=False))


def test_one_changed_weight_changes_the_text():
    graph = random_graph(0)
    weight = graph.nodes[0].op.weight.copy()
    weight.flat[-1] ^= 1
    changed = replace(graph.nodes[0], op=replace(graph.nodes[0].op, weight=weight))
    assert to_text(replace(graph, nodes=(changed, *graph.nodes[1:]))) != to_text(graph)
    assert f"nonzero {np.count_nonzero(graph.nodes[0].op.weight)}, sha256 " in to_text(graph)
