"""Layer records → `Graph[FloatOp]`, with everything that is wrong found at once."""

import numpy as np

from compiler.errors import Problem
from compiler.frontend.identifiers import Identifiers
from compiler.frontend.input_shape import check_shape, infer_shape
from compiler.frontend.layer_reader import LayerReader
from compiler.frontend.layers import LAYERS, Softmax, Vanish
from compiler.frontend.records import LayerRecord, ModelRecord
from compiler.frontend.remedies import clip
from compiler.frontend.shapes import Mismatch, output_shape
from compiler.ir.float_ops import Conv2d, Flatten, FloatOp, KWinners, Linear, Normalize
from compiler.ir.graph import Graph, Node
from compiler.ir.shapes import output_value
from compiler.ir.values import Shape, Value

__all__ = ["Importer"]

INPUT_NAME = "features"
"""Name of a graph's input value."""

_MOST_PARAMETERS = 1 << 25
_LARGEST_VALUE = 1 << 26
_DENSE = 0.95
"""A network without k-WTA is called dense when at least this share of its weights is not zero."""

Step = tuple[LayerRecord, FloatOp | None]

_SUPPORTED = ", ".join(LAYERS)


class Importer:
    """Turns one model record into a graph.

    Parameters
    ----------
    record : ModelRecord
        What a checkpoint or a module holds.
    input_shape : (channels, height, width), optional
        Shape of the input; otherwise the model says it, or it is worked out.

    Members
    -------
    problems : list of Problem
        Everything wrong with the model.
    remarks : list of str
        What the user should know although it is not wrong.
    graph : Graph[FloatOp] or None
        The network, if there are no problems.
    """

    def __init__(self, record: ModelRecord, input_shape: object = None) -> None:
        self.problems = list(record.problems)
        self.remarks: list[str] = []
        self.graph: Graph[FloatOp] | None = None
        self._record = record
        self._normalize: Normalize | None = None
        layers = self._read_layers()
        self._check_order(layers)
        shape = self._input_shape(layers, input_shape)
        nodes = self._connect(layers, shape)
        if not self.problems and shape is not None:
            self._remark_on_sparsity(nodes)
            source = Value(INPUT_NAME, shape)
            output = nodes[-1].name
            name = Identifiers().take(record.name, "model")
            self.graph = Graph(name, source, nodes, output, self._normalize, notes=tuple(self.remarks))

    def _refuse(self, layer: LayerRecord | None, what: str, next_step: str) -> None:
        self.problems.append(Problem(layer.where if layer else clip(self._record.name), what, next_step))

    def _read_layers(self) -> list[Step]:
        """Return each layer that does something with its operation, or None where it has problems."""
        parameters = sum(tensor.size for layer in self._record.layers for tensor in layer.tensors.values())
        if parameters > _MOST_PARAMETERS:
            what = f"it has {parameters} parameters, more than {_MOST_PARAMETERS}"
            self._refuse(None, what, "use a smaller model")
            return []
        layers = [(layer, self._read(layer)) for layer in self._record.layers]
        if not any(isinstance(op, Conv2d | Linear) or op is None for _, op in layers):
            self._refuse(None, "it has no Conv2d or Linear layer", "give a trained network")
        return [(layer, op) for layer, op in layers if not isinstance(op, Vanish)]

    def _read(self, layer: LayerRecord) -> FloatOp | None:
        if layer.kind not in LAYERS:
            self._refuse(layer, "this kind of layer is not supported", f"use {_SUPPORTED}")
            return None
        reader = LayerReader(layer)
        op = LAYERS[layer.kind](reader)
        reader.finish()
        self.problems += reader.problems
        self.remarks += reader.remarks
        return None if reader.problems else op

    def _check_order(self, layers: list[Step]) -> None:
        """Refuse layers that stand where they cannot; take Normalize and Softmax out of the chain."""
        flat = False
        for index, (layer, op) in enumerate(layers):
            if isinstance(op, Softmax) and index + 1 < len(layers):
                self._refuse(layer, "other layers follow it", "a softmax can only be the last layer")
            if isinstance(op, Normalize) and index:
                self._refuse(layer, "it is not the first layer", "normalize only the input")
            flat |= isinstance(op, Flatten | Linear)
            if flat and layer.kind.endswith("2d"):
                self._refuse(layer, "it needs images, but its input is flattened", "move it before Flatten")
                layers[index] = (layer, None)
        if layers and isinstance(layers[0][1], Normalize):
            self._normalize = layers[0][1]
        layers[:] = [(layer, op) for layer, op in layers if not isinstance(op, Normalize | Softmax)]

    def _input_shape(self, layers: list[Step], stated: object) -> Shape | None:
        stated = self._record.input_shape if stated is None else stated
        if stated is not None:
            shape = check_shape(stated)
        elif self.problems:
            return None
        else:
            shape = infer_shape([op for _, op in layers if op is not None])
            if not isinstance(shape, Problem):
                shown = ",".join(map(str, shape))
                self.remarks.append(f"input: taken to be {shown} (C,H,W); --input-shape says otherwise")
        if isinstance(shape, Problem):
            self.problems.append(shape)
            return None
        return shape

    def _connect(self, layers: list[Step], shape: Shape | None) -> tuple[Node[FloatOp], ...]:
        """Chain the operations; where a shape is unknown, go on at the next layer that sets one."""
        names = Identifiers()
        names.take(INPUT_NAME, "input")
        value = Value(INPUT_NAME, shape) if shape else None
        nodes = []
        for layer, op in layers:
            name = names.take(layer.path, layer.kind)
            result = self._result(layer, op, value.shape if value else None)
            if value is None or op is None or result is None or self.problems:
                value = Value(name, result) if result else None
                continue
            node = Node(op, (value.name,), output_value(op, value, name))
            nodes.append(node)
            value = node.output
        return tuple(nodes)

    def _result(self, layer: LayerRecord, op: FloatOp | None, shape: Shape | None) -> Shape | None:
        if isinstance(op, Linear) and shape is None:
            return (op.weight.shape[0], 1, 1)
        if op is None or shape is None:
            return None
        try:
            result = output_shape(op, shape)
        except Mismatch as mismatch:
            self._refuse(layer, mismatch.what, mismatch.remedy)
            return mismatch.shape
        if np.prod(result, dtype=object) > _LARGEST_VALUE:
            self._refuse(layer, f"its output has more than {_LARGEST_VALUE} values", "use smaller images")
            return None
        return result

    def _remark_on_sparsity(self, nodes: tuple[Node[FloatOp], ...]) -> None:
        weights = [node.op.weight for node in nodes if isinstance(node.op, Conv2d | Linear)]
        nonzero = sum(int(np.count_nonzero(weight)) for weight in weights)
        winners = any(isinstance(node.op, KWinners) for node in nodes)
        if not winners and nonzero >= _DENSE * sum(weight.size for weight in weights):
            self.remarks.append("no sparsity: no k-WTA and hardly a zero weight; it works, but skips nothing")
