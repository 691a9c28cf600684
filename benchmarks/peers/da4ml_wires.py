"""da4ml on a constant matrix: `python da4ml_wires.py LAYER.npz FOLDER ANSWER.json`, in its own environment.

The file holds `kernel` int[inputs, outputs], `bias` int[outputs], the inputs' `low` and `high`, and
`adders_per_stage` between registers. Verilog goes into the folder.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from da4ml.codegen import VerilogModel
from da4ml.trace import FixedVariableArray, HWConfig, comb_trace, to_pipeline

TRIALS = 64


def main() -> None:
    """Solve, check against the matrix, write Verilog."""
    layer = np.load(sys.argv[1])
    kernel, bias = layer["kernel"].astype(np.float64), layer["bias"].astype(np.float64)
    low, high = (np.full(len(kernel), float(layer[name])) for name in ("low", "high"))
    started = time.perf_counter()
    inputs = FixedVariableArray.from_lhs(low, high, np.ones_like(low), hwconf=HWConfig(1, -1, -1))
    logic = comb_trace(inputs, inputs @ kernel + bias)
    seconds = time.perf_counter() - started
    x = np.random.default_rng(0).integers(low, high + 1, (TRIALS, len(kernel))).astype(np.float64)
    exact = bool((logic.predict(x) == x @ kernel + bias).all())
    pipeline = to_pipeline(logic, int(layer["adders_per_stage"]))
    VerilogModel(pipeline, "wires", sys.argv[2]).write()
    answer = {
        "exact": exact,
        "estimated_lut": round(float(logic.cost)),
        "seconds": round(seconds, 1),
        "version": version("da4ml"),
    }
    Path(sys.argv[3]).write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
