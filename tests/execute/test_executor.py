import numpy as np
import pytest

from compiler.execute import execute
from compiler.execute import executor as executor_module
from compiler.execute.products import convolve, multiply
from compiler.ir import float_ops as fl
from compiler.ir import integer_ops as it
from compiler.ir.graph import Graph, Node
from compiler.ir.values import Value
from hdl.numerics import FixedPoint
from tests.execute.graphs import Builder, payload, random_frames, random_graph


def plain_convolution(frame: np.ndarray, weight: np.ndarray, padding: tuple[int, ...]) -> list:
    """Correlate one frame with Python integers and loops."""
    top, bottom, left, right = padding
    padded = np.pad(frame, ((0, 0), (top, bottom), (left, right))).astype(object)
    height, width = padded.shape[1] - weight.shape[2] + 1, padded.shape[2] - weight.shape[3] + 1
    rows, columns = weight.shape[2:]
    return [
        [[(padded[:, y : y + rows, x : x + columns] * f).sum() for x in range(width)] for y in range(height)]
        for f in weight.astype(object)
    ]


@pytest.mark.parametrize("limit", [7, 1 << 14, 1 << 28], ids=["float32", "float64", "int64"])
def test_integer_convolution_is_exact_at_every_size_of_number(limit):
    rng = np.random.default_rng(limit)
    frames, weight = rng.integers(-limit, limit, (2, 3, 5, 4)), rng.integers(-limit, limit, (4, 3, 2, 3))
    padding = (1, 0, 2, 1)
    result = convolve(frames, weight, padding)
    assert result.dtype == np.int64
    assert result.tolist() == [plain_convolution(frame, weight, padding) for frame in frames]


@pytest.mark.parametrize("power", [23, 24, 52, 53, 61])
def test_a_sum_next_to_the_limit_of_floats_keeps_its_last_bit(power):
    rows = np.array([[1, (1 << power) - 1], [1, 1 - (1 << power)]])
    assert multiply(rows, np.array([[1, 1], [0, 1]])).tolist() == [
        [1 << power, (1 << power) - 1],
        [2 - (1 << power), 1 - (1 << power)],
    ]


def test_batches_do_not_change_results(monkeypatch):
    graph = random_graph(3)
    frames = random_frames(graph, 7)
    whole = execute(graph, frames, keep="all")
    monkeypatch.setattr(executor_module, "_ELEMENTS_AT_ONCE", 1)
    single = execute(graph, frames, keep="all")
    assert list(whole) == ["input", *(node.name for node in graph)]
    assert all(np.array_equal(whole[name], single[name]) for name in whole)


def test_only_the_named_values_are_kept():
    graph = random_graph(4)
    frames = random_frames(graph, 3)
    first = graph.nodes[0].name
    assert list(execute(graph, frames, keep={first})) == [first]
    assert np.array_equal(execute(graph, frames), execute(graph, frames, keep="all")[graph.output])


def test_a_fork_reads_the_same_value_twice():
    build = Builder((2, 4, 4), FixedPoint(4, 0, signed=True))
    rng = np.random.default_rng(0)
    first = build.add(it.IntegerConv2d(payload(rng, (3, 2, 2, 2), 7), payload(rng, (3,), 7), 4))
    build.add(it.IntegerMaxPool((3, 3)))
    build.last = first
    build.add(it.IntegerKWinners(1, "global"))
    values = execute(build.graph(), random_frames(build.graph(), 4), keep="all")
    assert (np.count_nonzero(values["integerkwinners2"], axis=(1, 2, 3)) <= 1).all()
    assert values["integermaxpool1"].shape == (4, 3, 1, 1)


def test_float_operations_follow_their_definitions():
    x = np.arange(-8.0, 8.0).reshape(1, 4, 2, 2)
    ops = [
        fl.Normalize(1.0, 2.0),
        fl.BatchNorm(np.array([1.0, -1.0, 0.5, 2.0]), np.array([0.0, 1.0, 0.0, 0.25])),
        fl.FakeQuantize(4, 1, signed=True),
        fl.Relu(),
        fl.KWinners(1, "local"),
        fl.MaxPool((2, 2)),
        fl.Flatten(),
        fl.Linear(np.array([[1.0, 2.0, 3.0, 4.0]]), np.array([0.5])),
    ]
    shapes = [(4, 2, 2)] * 5 + [(4, 1, 1)] * 2 + [(1, 1, 1)]
    nodes = tuple(
        Node(op, (f"v{i - 1}" if i else "x",), Value(f"v{i}", shapes[i])) for i, op in enumerate(ops)
    )
    values = execute(Graph("floats", Value("x", (4, 2, 2)), nodes, "v7"), x, keep="all")
    assert values["v2"][0, :, 0, 0].tolist() == [-4.0, 3.5, -0.0, 3.5]
    assert values["v4"][0, :, 0, 0].tolist() == [0.0, 3.5, 0.0, 0.0]
    assert values["v5"].ravel().tolist() == [0.0, 3.5, 0.0, 3.5]
    assert values["v7"].item() == 3.5 * 2 + 3.5 * 4 + 0.5


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((1, 3, 9, 9), np.int64), r"frames must have shape \(batch, "),
        (np.zeros((0, 2, 3, 3), np.int64), r"frames must have shape \(batch, 2, 3, 3\), not \(0, "),
        (np.zeros((1, 2, 3, 3)), "frames must be integers of the format s4.0, not float64"),
        (np.full((1, 2, 3, 3), 8), "frames must be from -8 to 7, not from 8 to 8"),
    ],
    ids=["shape", "empty", "type", "range"],
)
def test_frames_that_do_not_suit_the_input_are_refused(frames, message):
    graph = Graph("empty", Value("input", (2, 3, 3), FixedPoint(4, 0, signed=True)), (), "input")
    with pytest.raises(ValueError, match=message):
        execute(graph, frames)


def test_an_unknown_operation_is_named():
    graph = Graph("odd", Value("x", (1, 1, 1)), (Node(fl.FloatOp(), ("x",), Value("y", (1, 1, 1))),), "y")
    with pytest.raises(TypeError, match="no rule to execute FloatOp"):
        execute(graph, np.zeros((1, 1, 1, 1)))
