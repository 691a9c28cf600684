"""The components whose predicted resources are held against synthesis: sizes as networks have them."""

from collections.abc import Callable, Iterator

import numpy as np
from amaranth.lib import wiring

from hdl.activation.global_winners import GlobalWinners, GlobalWinnersConfig
from hdl.activation.requantize import Requantize, RequantizeConfig
from hdl.activation.top_k import TopK, TopKConfig
from hdl.axi.egress import Egress, EgressConfig
from hdl.axi.ingress import Ingress, IngressConfig
from hdl.conv.wires import WiresConv, WiresConvConfig
from hdl.numerics import FixedPoint
from hdl.streams.collect import Collect, CollectConfig
from hdl.streams.compact import Compact, CompactConfig
from hdl.streams.expand import Expand, ExpandConfig
from hdl.streams.formats import DenseFormat, WinnersFormat
from hdl.streams.queue import Queue, QueueConfig
from hdl.streams.regroup import Regroup, RegroupConfig
from hdl.streams.unpack import Unpack, UnpackConfig

__all__ = ["components"]

BYTE = FixedPoint(8, 0, False)
SUM = FixedPoint(17, 0, True)


def components() -> Iterator[tuple[str, Callable[[], wiring.Component]]]:
    """Yield a name and what makes the component."""
    for number, (component, config) in enumerate(_adapters() + _activations() + _arrays()):
        name = f"{component.__name__} {number}"
        yield name, lambda component=component, config=config: component(config)


def dense(shape: tuple[int, int, int], lanes: int, form: FixedPoint = BYTE) -> DenseFormat:
    """Return a stream in natural order."""
    return DenseFormat.natural(shape, form, lanes)


def _adapters() -> list[tuple]:
    winners = WinnersFormat((64, 5, 5), BYTE, 6)
    return [
        *((Queue, QueueConfig(bits=bits, depth=depth)) for bits, depth in ((64, 8), (21, 125), (512, 33))),
        (Regroup, RegroupConfig(source=dense((64, 14, 14), 64), lanes=16)),
        (Regroup, RegroupConfig(source=dense((64, 5, 5), 8), lanes=2)),
        (Unpack, UnpackConfig(source=winners)),
        (Collect, CollectConfig(source=dense((32, 5, 5), 8))),
        (Compact, CompactConfig(source=dense((1500, 1, 1), 14), at_most=150)),
        (Compact, CompactConfig(source=dense((512, 1, 1), 32), at_most=64)),
        (Expand, ExpandConfig(source=winners, lanes=8)),
        (Ingress, IngressConfig(target=dense((1, 32, 32), 1))),
        (Ingress, IngressConfig(target=dense((3, 32, 32), 3))),
        (Egress, EgressConfig(source=dense((12, 1, 1), 2, SUM))),
        (Egress, EgressConfig(source=dense((100, 1, 1), 10, SUM))),
    ]


def _activations() -> list[tuple]:
    rng = np.random.default_rng(1)
    shuffled = DenseFormat((1500, 1, 1), BYTE, 15, tuple(rng.permutation(1500).tolist()))
    return [
        *(
            (Requantize, RequantizeConfig(source=dense((64, 28, 28), lanes, SUM), form=BYTE, **scale))
            for lanes, scale in ((64, {"multiplier": 1, "shift": 6}), (8, {"multiplier": 181, "shift": 14}))
        ),
        (TopK, TopKConfig(source=dense((64, 14, 14), 16), k=6)),
        (TopK, TopKConfig(source=dense((64, 5, 5), 2), k=6)),
        (TopK, TopKConfig(source=dense((32, 14, 14), 32), k=3)),
        (GlobalWinners, GlobalWinnersConfig(source=dense((1500, 1, 1), 14), k=150)),
        (GlobalWinners, GlobalWinnersConfig(source=shuffled, k=150)),
        (GlobalWinners, GlobalWinnersConfig(source=dense((256, 1, 1), 4), k=25)),
    ]


def _arrays() -> list[tuple]:
    rng = np.random.default_rng(2)
    weight = rng.integers(-127, 128, (32, 1, 25)) * (rng.random((32, 1, 25)) < 0.48)
    bias = rng.integers(-500, 500, 32)
    source, target = dense((1, 32, 32), 1), dense((32, 28, 28), 32, SUM)
    return [(WiresConv, WiresConvConfig(source=source, target=target, weight=weight, bias=bias))]
