"""One small instance of every component with a stream output, for claims that hold of all of them."""

import numpy as np
from amaranth.lib import wiring

from hdl.activation.global_winners import GlobalWinners, GlobalWinnersConfig
from hdl.activation.requantize import Requantize, RequantizeConfig
from hdl.activation.top_k import TopK, TopKConfig
from hdl.axi.egress import Egress, EgressConfig
from hdl.axi.ingress import Ingress, IngressConfig
from hdl.conv.sparse_dense import SparseDenseConv, SparseDenseConvConfig
from hdl.conv.window import Window, WindowConfig
from hdl.conv.wires import WiresConv, WiresConvConfig
from hdl.conv.zero_skip import ZeroSkipConv, ZeroSkipConvConfig
from hdl.linear.zero_skip import ZeroSkipLinear, ZeroSkipLinearConfig
from hdl.mac.readout import Readout, ReadoutConfig
from hdl.mac.words import pack_words
from hdl.numerics import FixedPoint
from hdl.pool.max_pool import MaxPool, MaxPoolConfig
from hdl.streams.collect import Collect, CollectConfig
from hdl.streams.compact import Compact, CompactConfig
from hdl.streams.expand import Expand, ExpandConfig
from hdl.streams.formats import DenseFormat, EntryFormat, WinnersFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.regroup import Regroup, RegroupConfig
from hdl.streams.unpack import Unpack, UnpackConfig

__all__ = ["COMPONENTS", "small"]

COMPONENTS = (
    "collect",
    "compact",
    "egress",
    "expand",
    "global_winners",
    "ingress",
    "max_pool",
    "queue",
    "readout",
    "regroup",
    "requantize",
    "resting_window",
    "sparse_dense_conv",
    "top_k",
    "unpack",
    "wide_ingress",
    "wide_max_pool",
    "wide_window",
    "window",
    "wires_conv",
    "zero_skip_conv",
    "zero_skip_linear",
)

SMALL = FixedPoint(2, 0, False)
SUM = FixedPoint(5, 0, True)
PIXELS = DenseFormat.natural((4, 2, 2), SMALL, 2)
WIDE = DenseFormat.natural((1, 2, 4), SMALL, 1, 2)
"""Two pixels a beat."""
WINNERS = WinnersFormat((4, 1, 2), SMALL, 2)
WEIGHT = np.array([[1, 0, -1], [0, 2, 0], [-2, 0, 1], [0, 0, 0]])
"""Of four inputs and three outputs; the last input has none."""
BIAS = np.array([1, -2, 0])
OUTPUTS = (0, 2, 1, -1)
"""Where the outputs travel: two lanes, two groups."""


def small(name: str) -> wiring.Component:
    """Return a new instance of the component of that name."""
    return _MAKERS[name]()


def _zero_skip_linear() -> ZeroSkipLinear:
    source = EntryFormat((4, 1, 1), SMALL, 4, (0, 1, 2, 3))
    target = DenseFormat((3, 1, 1), SUM, 2, OUTPUTS)
    table = pack_words(WEIGHT, OUTPUTS, 2, 3)
    return ZeroSkipLinear(ZeroSkipLinearConfig(source=source, target=target, table=table, bias=BIAS))


def _zero_skip_conv() -> ZeroSkipConv:
    target = DenseFormat((3, 1, 2), SUM, 2, OUTPUTS)
    tables = tuple(pack_words(weight, OUTPUTS, 2, 3) for weight in (WEIGHT, WEIGHT[::-1]))
    return ZeroSkipConv(ZeroSkipConvConfig(source=WINNERS, target=target, tables=tables, bias=BIAS))


def _sparse_dense_conv() -> SparseDenseConv:
    weight = np.array([[[1, -1]], [[0, 2]], [[0, 0]]])
    source = DenseFormat.natural((1, 1, 2), SMALL, 1)
    target = DenseFormat((3, 1, 2), SUM, 2, OUTPUTS)
    return SparseDenseConv(SparseDenseConvConfig(source=source, target=target, weight=weight, bias=BIAS))


def _wires_conv() -> WiresConv:
    weight = np.array([[[3, -1]], [[0, 2]], [[5, 3]]])
    source = DenseFormat.natural((1, 1, 2), SMALL, 1)
    target = DenseFormat.natural((3, 1, 2), FixedPoint(6, 0, True), 3)
    return WiresConv(
        WiresConvConfig(source=source, target=target, weight=weight, bias=BIAS, adders_per_stage=1)
    )


def _readout() -> Readout:
    target = DenseFormat((3, 1, 1), SUM, 2, OUTPUTS)
    return Readout(ReadoutConfig(target=target, columns=2, banks=2, sum_bits=4, bias=BIAS, lanes_latency=4))


def _requantize() -> Requantize:
    source = DenseFormat.natural((2, 1, 1), SUM, 2)
    return Requantize(RequantizeConfig(source=source, form=SMALL, multiplier=3, shift=2))


_MAKERS = {
    "collect": lambda: Collect(CollectConfig(source=PIXELS)),
    "compact": lambda: Compact(CompactConfig(source=PIXELS, at_most=16)),
    "egress": lambda: Egress(EgressConfig(source=PIXELS)),
    "expand": lambda: Expand(ExpandConfig(source=WINNERS, lanes=2)),
    "global_winners": lambda: GlobalWinners(GlobalWinnersConfig(source=PIXELS, k=2)),
    "ingress": lambda: Ingress(IngressConfig(target=PIXELS)),
    "max_pool": lambda: MaxPool(MaxPoolConfig(source=PIXELS, kernel=(2, 2))),
    "queue": lambda: Queue(QueueConfig(bits=2, depth=3)),
    "readout": _readout,
    "regroup": lambda: Regroup(RegroupConfig(source=PIXELS, lanes=1)),
    "requantize": _requantize,
    "resting_window": lambda: Window(WindowConfig(bits=2, height=3, width=3, kernel=(2, 2), hold_cycles=2)),
    "sparse_dense_conv": _sparse_dense_conv,
    "top_k": lambda: TopK(TopKConfig(source=PIXELS, k=2)),
    "unpack": lambda: Unpack(UnpackConfig(source=WINNERS)),
    "window": lambda: Window(WindowConfig(bits=2, height=3, width=3, kernel=(2, 2), padding=(1, 0, 1, 0))),
    "wide_ingress": lambda: Ingress(IngressConfig(target=WIDE)),
    "wide_max_pool": lambda: MaxPool(MaxPoolConfig(source=WIDE, kernel=(2, 2))),
    "wide_window": lambda: Window(
        WindowConfig(bits=1, height=3, width=4, kernel=(2, 3), pixels_per_beat=2, windows_per_beat=1)
    ),
    "wires_conv": _wires_conv,
    "zero_skip_conv": _zero_skip_conv,
    "zero_skip_linear": _zero_skip_linear,
}
