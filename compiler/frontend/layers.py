"""What each kind of layer becomes: one line a kind in `LAYERS`, one function behind it.

A function takes everything it understands from a :class:`LayerReader`, which refuses the rest. It knows
nothing of shapes: those follow in :mod:`compiler.frontend.shapes`.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from compiler.frontend.layer_reader import LayerReader
from compiler.ir import float_ops as ops
from compiler.ir.float_ops import FloatOp

__all__ = ["LAYERS", "Softmax", "Vanish"]

_ONLY_UNDILATED = "only undilated convolutions are supported"
_MOST_BITS_WITH_FREE_SCALE = 12
"""Bits of a weight with which code times multiplier is exact in float32, as checkpoints hold it."""


@dataclass(frozen=True)
class Vanish(FloatOp):
    """A layer that does nothing in evaluation."""


@dataclass(frozen=True)
class Softmax(FloatOp):
    """A layer that may only stand at the end, where it is dropped."""


def _expect(layer: LayerReader, name: str, actual: int) -> None:
    """Take a size that the weights say as well; it may be left out."""
    said = layer.integer(name, 1, default=actual)
    if said != actual:
        layer.refuse(f"{name} is {said}, but its tensors are made for {actual}", "make them agree")


def _weight_and_bias(layer: LayerReader, dimensions: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Take the tensors of a weighted layer; a bias of zeros where it has none."""
    weight, bias = layer.tensor("weight", dimensions), layer.optional_tensor("bias", 1)
    if weight is None:
        return None
    wanted = layer.value("bias", bias is not None)
    if wanted is not (bias is not None):
        layer.refuse("bias must be True if there is a bias tensor, False if not", "make them agree")
    if bias is None:
        bias = np.zeros(len(weight))
        bias.flags.writeable = False
    if len(bias) != len(weight):
        layer.refuse(f"its bias has {len(bias)} values for {len(weight)} outputs", "make them agree")
    return weight, bias


def _weight_format(layer: LayerReader) -> dict[str, int | bool | None]:
    if not layer.record.kind.startswith("Quantized"):
        return {}
    digits = layer.value("signed_digits", None)
    if digits is not None and (type(digits) is not int or digits < 1):
        layer.refuse("signed_digits must be None or at least 1", "change it")
    bits, free = layer.integer("weight_bits", 2, 16, default=8), layer.flag("free_scale", False)
    if free and bits > _MOST_BITS_WITH_FREE_SCALE:
        what = f"a free scale takes weights of at most {_MOST_BITS_WITH_FREE_SCALE} bits, not {bits}"
        layer.refuse(what, "use fewer bits, or a power-of-two scale")
    return {"weight_bits": bits, "signed_digits": digits, "free_scale": free}


def _padding(layer: LayerReader, kernel: tuple[int, int]) -> ops.Padding:
    mode = layer.peek("padding")
    if isinstance(mode, str) and mode in ("same", "valid"):
        layer.ignore("padding")
        rows, columns = (kernel[0] - 1, kernel[1] - 1) if mode == "same" else (0, 0)
        return (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    rows, columns = layer.pair("padding", 0, 0)
    return (rows, rows, columns, columns)


def _conv2d(layer: LayerReader) -> FloatOp | None:
    layer.require_pair("stride", 1, "only stride 1 is supported; use MaxPool2d to make images smaller")
    layer.require_pair("dilation", 1, _ONLY_UNDILATED)
    layer.require("groups", 1, "only ungrouped convolutions are supported")
    layer.require("padding_mode", "zeros", "only padding with zeros is supported")
    layer.require("transposed", False, "use Conv2d")
    layer.require_pair("output_padding", 0, "use Conv2d")
    tensors = _weight_and_bias(layer, 4)
    if tensors is None:
        return None
    weight, bias = tensors
    filters, channels, *kernel = weight.shape
    _expect(layer, "out_channels", filters)
    _expect(layer, "in_channels", channels)
    said = layer.pair("kernel_size", 1, tuple(kernel))
    if said != tuple(kernel):
        layer.refuse(f"kernel_size is {said}, but its weight is made for {tuple(kernel)}", "make them agree")
    return ops.Conv2d(weight, bias, _padding(layer, said), **_weight_format(layer))


def _linear(layer: LayerReader) -> FloatOp | None:
    tensors = _weight_and_bias(layer, 2)
    if tensors is None:
        return None
    weight, bias = tensors
    _expect(layer, "out_features", weight.shape[0])
    _expect(layer, "in_features", weight.shape[1])
    return ops.Linear(weight, bias, **_weight_format(layer))


def _batch_norm(layer: LayerReader) -> FloatOp | None:
    layer.ignore("momentum")
    epsilon = layer.number("eps", 1e-5)
    affine = layer.flag("affine", True)
    layer.require("track_running_stats", True, "train it with running statistics, so that it can be frozen")
    mean, variance = layer.tensor("running_mean", 1), layer.tensor("running_var", 1)
    if mean is None or variance is None:
        return None
    _expect(layer, "num_features", len(mean))
    scale = layer.tensor("weight", 1) if affine else np.ones(len(mean))
    offset = layer.tensor("bias", 1) if affine else np.zeros(len(mean))
    if scale is None or offset is None:
        return None
    if not len(mean) == len(variance) == len(scale) == len(offset):
        layer.refuse("its tensors are of different lengths", "make them agree")
        return None
    if not (variance + epsilon > 0).all():
        layer.refuse("running_var + eps is not positive", "train it again")
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        scale = scale / np.sqrt(variance + epsilon)
        offset = offset - mean * scale
    if not (np.isfinite(variance + epsilon).all() and np.isfinite(scale).all() and np.isfinite(offset).all()):
        layer.refuse("its statistics overflow", "train with numbers of moderate size")
        return None
    scale.flags.writeable = offset.flags.writeable = False
    return ops.BatchNorm(scale, offset)


def _max_pool(layer: LayerReader) -> FloatOp:
    kernel = layer.pair("kernel_size", 1)
    if layer.peek("stride") is None:
        layer.ignore("stride")
    stride = layer.pair("stride", 1, kernel)
    if stride != kernel:
        layer.refuse(f"stride must equal kernel_size {kernel}, not {stride}", "use windows without overlap")
    layer.require_pair("padding", 0, "pad the convolution before it instead")
    layer.require_pair("dilation", 1, "only undilated pooling is supported")
    layer.require("ceil_mode", False, "only complete windows are supported; crop or pad the input")
    layer.require("return_indices", False, "the indices of maxima are not computed")
    return ops.MaxPool(kernel)


def _winners(scope: str, layer: LayerReader) -> FloatOp:
    layer.ignore("boost_strength", "softness")
    return ops.KWinners(layer.integer("k", 1), scope)


def _flatten(layer: LayerReader) -> FloatOp:
    layer.require("start_dim", 1, "only all dimensions of a sample can be flattened")
    end = layer.value("end_dim", -1)
    if end not in (-1, 3):
        layer.refuse("end_dim must be -1", "only all dimensions of a sample can be flattened")
    return ops.Flatten()


def _relu(layer: LayerReader) -> FloatOp:
    layer.ignore("inplace")
    return ops.Relu()


def _normalize(layer: LayerReader) -> FloatOp:
    mean, std = layer.number("mean"), layer.number("std")
    if not std > 0:
        layer.refuse(f"std must be positive, not {std}", "change it")
    elif max(abs(mean), 255.0) > std * sys.float_info.max / 2:
        layer.refuse(f"features must not overflow when divided by a std of {std}", "change it")
    return ops.Normalize(mean, std)


def _fake_quantize(layer: LayerReader) -> FloatOp:
    if layer.integer("calibration_batches", 0, default=0):
        layer.remark("its calibration is not finished; fraction_bits is taken as it is")
    return ops.FakeQuantize(
        layer.integer("width", 2, 16), layer.integer("fraction_bits", -32, 32), layer.flag("signed")
    )


def _dropout(layer: LayerReader) -> FloatOp:
    layer.ignore("p", "inplace")
    layer.require("training", False, "give training=self.training, so that it rests in evaluation")
    layer.remark("ignored, since it does nothing in evaluation")
    return Vanish()


def _softmax(layer: LayerReader) -> FloatOp:
    dim = layer.value("dim", 1)
    if dim not in (None, 1, -1):
        layer.refuse("dim must be 1", "only a softmax across the classes can be dropped")
    layer.remark("dropped; the outputs are logits, and the largest is the same one")
    return Softmax()


LAYERS: dict[str, Callable[[LayerReader], FloatOp | None]] = {
    "Conv2d": _conv2d,
    "QuantizedConv2d": _conv2d,
    "Linear": _linear,
    "QuantizedLinear": _linear,
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "ReLU": _relu,
    "MaxPool2d": _max_pool,
    "KWinners2d": partial(_winners, "local"),
    "KWinners": partial(_winners, "global"),
    "Flatten": _flatten,
    "Normalize": _normalize,
    "FakeQuantize": _fake_quantize,
    "Dropout": _dropout,
    "Dropout1d": _dropout,
    "Dropout2d": _dropout,
    "Identity": lambda layer: Vanish(),
    "LogSoftmax": _softmax,
    "Softmax": _softmax,
}
"""How each kind of layer is read."""
