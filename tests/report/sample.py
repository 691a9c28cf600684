"""A report as a build of a small speech network would write it; its figures are made up."""

import copy
from typing import Any

STAGES = (
    # name, kind, layer, cycles, multipliers, weight bits, accumulator bits
    ("ingress", "AXI4-Stream in", None, 1024, 0, None, None),
    ("conv1_window", "window", None, 1024, 0, None, None),
    ("conv1", "sparse dense", "conv1", 784, 768, 8, 17),
    ("relu1", "requantize", "relu1", 784, 0, None, None),
    ("pool1", "max pool", "pool1", 784, 0, None, None),
    ("winners1_regroup", "regroup", None, 784, 0, None, None),
    ("winners1", "top k", "winners1", 784, 0, None, None),
    ("conv2_window", "window", None, 900, 0, None, None),
    ("conv2", "zero skip", "conv2", 1100, 200, 8, 19),
    ("relu2", "requantize", "relu2", 800, 0, None, None),
    ("pool2", "max pool", "pool2", 800, 0, None, None),
    ("winners2", "top k", "winners2", 100, 0, None, None),
    ("linear1_unpack", "unpack", None, 150, 0, None, None),
    ("linear1", "zero skip", "linear1", 760, 16, 8, 20),
    ("relu3", "requantize", "relu3", 150, 0, None, None),
    ("winners3", "global winners", "winners3", 700, 0, None, None),
    ("linear2_compact", "compact", None, 375, 0, None, None),
    ("linear2", "zero skip", "linear2", 160, 12, 8, 22),
    ("egress", "AXI4-Stream out", None, 12, 0, None, None),
)

STREAMS = (
    # kind, format, bits, beats
    ("dense", "s8.7", 8, 1024),
    ("dense", "25 pixels", 200, None),
    ("dense", "64 × s17.14", 1088, 784),
    ("dense", "64 × u8.5", 512, 784),
    ("dense", "64 × u8.5", 512, 196),
    ("dense", "16 × u8.5", 128, 784),
    ("winners", "6 of 64 × u8.5", 87, 196),
    ("winners", "25 pixels", 2175, None),
    ("dense", "8 × s19.12", 152, 800),
    ("dense", "8 × u8.4", 64, 800),
    ("dense", "8 × u8.4", 64, 200),
    ("winners", "6 of 64 × u8.4", 87, 25),
    ("entries", "entries of u8.4", 21, 150),
    ("dense", "16 × s20.11", 320, 94),
    ("dense", "16 × u8.4", 128, 94),
    ("dense", "16 × u8.4", 128, 94),
    ("entries", "entries of u8.4", 21, 150),
    ("dense", "s22.11", 22, 12),
)

LAYERS = (
    # name, kind, shape, weights, nonzero, MAC, sparse MAC, active inputs, inputs, active outputs
    ("conv1", "Conv2d", (64, 28, 28), 1600, 768, 1254400, 602112, 1024, 1024, 50176),
    ("relu1", "Requantize", (64, 28, 28), 0, 0, 0, 0, 50176, 50176, 50176),
    ("winners1", "KWinners", (64, 14, 14), 0, 0, 0, 0, 12544, 12544, 1176),
    ("conv2", "Conv2d", (64, 10, 10), 102400, 12800, 10240000, 120000, 1176, 12544, 6400),
    ("winners2", "KWinners", (64, 5, 5), 0, 0, 0, 0, 1600, 1600, 150),
    ("linear1", "Linear", (1500, 1, 1), 2400000, 96000, 2400000, 9000, 150, 1600, 1500),
    ("winners3", "KWinners", (1500, 1, 1), 0, 0, 0, 0, 1500, 1500, 150),
    ("linear2", "Linear", (12, 1, 1), 18000, 18000, 18000, 1800, 150, 1500, 12),
)

LAYER_KEYS = (
    "name", "kind", "shape", "weights_dense", "weights_nonzero", "macs_dense", "macs_sparse", "active_in",
    "elements_in", "active",
)  # fmt: skip

STAGE_KEYS = (
    "name", "kind", "layer", "interval_cycles", "multipliers", "weight_bits", "accumulator_bits",
)  # fmt: skip

REPORT = {
    "model": {
        "name": "speech",
        "weights_dense": 2522000,
        "weights_nonzero": 127568,
        "macs_dense": 13912400,
        "macs_sparse": 732912,
    },
    "input": {"shape": [1, 32, 32], "form": "s8.7"},
    "layers": [
        dict(zip(LAYER_KEYS, (*layer[:2], list(layer[2]), *layer[3:]), strict=True))
        | {"elements": layer[2][0] * layer[2][1] * layer[2][2], "form": "u8.5"}
        for layer in LAYERS
    ],
    "notes": ["softmax: left out; the hardware gives logits", "dropout: has no effect after training"],
    "board": {
        "name": "u250",
        "title": "AMD Alveo U250",
        "part": "xcu250-figd2104-2L-e",
        "family": "UltraScale+",
        "clock_mhz": 300,
        "clock_source": "assumed",
        "resources": {"lut": 1728000},
        "budget": {"lut": 1296000},
    },
    "accuracy": {"float": 0.9312, "integer": 0.9287, "samples": 4890},
    "bit_exact": {
        "vectors": 200,
        "mismatches": 0,
        "stall_patterns": ["none", "source", "sink", "both"],
        "simulator": "Verilator 5.48.0, cocotb 2.1.0",
    },
    "verdict": {
        "passed": True,
        "line": "bit-exact: 200/200 vectors × 4 stall patterns, interval 1100 cycles as predicted",
        "failure": None,
    },
    "interval_cycles": {"predicted": 1100, "simulated": 1100, "exact": True, "goal": 784},
    "latency_cycles": {"predicted": 4321, "simulated": 4310},
    "throughput": {
        "frames_per_second": 272727.27,
        "interval_source": "simulated",
        "clock_source": "assumed",
        "instances": 1,
    },
    "stages": [
        dict(zip(STAGE_KEYS, stage, strict=True)) | {"bottleneck": stage[0] == "conv2"} for stage in STAGES
    ],
    "streams": [
        {"from": left[0], "to": right[0], "kind": kind, "format": text, "bits": bits, "beats": beats}
        for left, right, (kind, text, bits, beats) in zip(STAGES[:-1], STAGES[1:], STREAMS, strict=True)
    ],
    "command": "python -m compiler build model.pt --board u250 --samples test.npz --verify",
}


def sample() -> dict[str, Any]:
    """Return a report that a test may change."""
    return copy.deepcopy(REPORT)
