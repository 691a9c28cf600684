"""Integer graph + schedule → design."""

from compiler.lowering.lower import lower
from compiler.lowering.predict import Prediction, predict

__all__ = ["Prediction", "lower", "predict"]
