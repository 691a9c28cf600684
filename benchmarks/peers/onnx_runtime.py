"""ONNX Runtime on the CPU: `python onnx_runtime.py NETWORK.npz ANSWER.json`, in an environment of its own.

The file holds `x` frames as the network takes them, float[n, 1, 32, 32], and weight and bias of conv1,
conv2, linear1 and linear2. One thread, whose own time counts, the best of several rounds, since other
programs share the machine.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

ROUNDS, FRAMES = 5, 256
BATCHES = (1, 64)


def main() -> None:
    """Measure, and write frames a second and the answers' agreement with those of fp32."""
    arrays = dict(np.load(sys.argv[1]))
    frames = arrays["x"].astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        exact, quantized = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        onnx.save(network(arrays), exact)
        quantize_static(
            exact, quantized, Words(frames), quant_format=QuantFormat.QDQ, per_channel=True,
            weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
        )  # fmt: skip
        found, answers = {}, {}
        for name, path in (("fp32", exact), ("int8", quantized)):
            session = open_session(path)
            answers[name] = session.run(None, {"x": frames})[0].argmax(1)
            for batch in BATCHES:
                found[f"{name}_batch_{batch}"] = round(speed(session, frames, batch))
    found["same_answers"] = float((answers["fp32"] == answers["int8"]).mean())
    found["version"] = onnxruntime.__version__
    Path(sys.argv[2]).write_text(json.dumps(found))


def network(arrays: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Return the network with ReLU and max pooling."""
    layers = {name: array.astype(np.float32) for name, array in arrays.items() if name != "x"}
    weights = [numpy_helper.from_array(array, name) for name, array in layers.items()]
    steps = [
        ("Conv", "conv1"), ("Relu", ""), ("MaxPool", ""), ("Conv", "conv2"), ("Relu", ""), ("MaxPool", ""),
        ("Flatten", ""), ("Gemm", "linear1"), ("Relu", ""), ("Gemm", "linear2"),
    ]  # fmt: skip
    options = {"MaxPool": {"kernel_shape": [2, 2], "strides": [2, 2]}, "Gemm": {"transB": 1}}
    nodes, value = [], "x"
    for number, (kind, layer) in enumerate(steps):
        inputs = [value, f"{layer}.weight", f"{layer}.bias"] if layer else [value]
        value = f"value{number}"
        nodes.append(helper.make_node(kind, inputs, [value], **options.get(kind, {})))
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
        for name, shape in (("x", ["n", 1, 32, 32]), (value, ["n", 12]))
    ]
    graph = helper.make_graph(nodes, "speech", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


class Words(CalibrationDataReader):
    """Frames to fit the ranges of activations to."""

    def __init__(self, frames: np.ndarray) -> None:
        self.rest = iter(frames)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next frame."""
        frame = next(self.rest, None)
        return None if frame is None else {"x": frame[None]}


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Return the network, ready to run on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def speed(session: onnxruntime.InferenceSession, frames: np.ndarray, batch: int) -> float:
    """Return frames a second of processor time, of the best round."""
    part = np.resize(frames, (batch, *frames.shape[1:]))
    count, best = max(1, FRAMES // batch), 0.0
    for _ in range(ROUNDS):
        started = time.process_time()
        for _ in range(count):
            session.run(None, {"x": part})
        best = max(best, count * batch / (time.process_time() - started))
    return best


if __name__ == "__main__":
    main()
