"""Integer graph + schedule → design."""

from compiler.lowering.contents import refill_memories
from compiler.lowering.lower import lower
from compiler.lowering.predict import Prediction, predict
from compiler.lowering.size_queues import size_queues
from compiler.lowering.widen import widen

__all__ = ["Prediction", "lower", "predict", "refill_memories", "size_queues", "widen"]
