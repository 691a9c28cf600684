"""NNgen on the reference network's shape, in its own environment.

    python nngen_network.py PARALLEL FOLDER ANSWER.json

Writes `test.v`, the accelerator with a memory and a host around it that prints `cycles N` and `wrong N`, into
the folder, with the memory's image. Weights are made up: they lie in outside memory, and time is the same for
all.
"""

import json
import math
import sys
from importlib.metadata import version
from pathlib import Path

import nngen as ng
import numpy as np
import veriloggen.thread as vthread
import veriloggen.types.axi as axi
from veriloggen import Delay, Module, Not, Seq, Systask, simulation

CHUNK, MEMORY_BYTES, BUS_BITS = 64, 1 << 24, 32
PATIENCE = 100_000_000


def main() -> None:
    """Generate, evaluate in software, write the test."""
    parallel, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True)
    source, target = network(parallel)
    ng.quantize([target], {"input": 10.0}, {"input": 0.0}, {"input": 1.0})
    x = np.random.default_rng(0).integers(-128, 128, source.shape)
    expected = ng.eval([target], input=x)[0]
    accelerator = ng.to_veriloggen([target], "accelerator", silent=True, config={"maxi_datawidth": BUS_BITS})
    write_test(accelerator, source, target, x, expected, folder)
    size = (folder / "test.v").stat().st_size
    Path(sys.argv[3]).write_text(json.dumps({"version": version("nngen"), "verilog_bytes": size}))


def network(parallel: int) -> tuple:
    """Return input and output of two convolutions with pooling and two matrix products."""
    rng = np.random.default_rng(1)

    def weights(name: str, *shape: int) -> dict:
        found = {}
        kinds = {"weight": (ng.int8, shape), "bias": (ng.int32, shape[:1]), "scale": (ng.int8, shape[:1])}
        for key, (dtype, size) in kinds.items():
            found[key] = ng.variable(dtype=dtype, shape=size, name=f"{name}_{key}")
            drawn = rng.normal(size=size) / math.sqrt(np.prod(size[1:]))
            found[key].set_value(drawn if key == "weight" else np.ones(size))
        return found

    source = value = ng.placeholder(dtype=ng.int8, shape=(1, 32, 32, 1), name="input")
    for name, channels in (("conv1", 1), ("conv2", 64)):
        made = weights(name, 64, 5, 5, channels)
        value = ng.conv2d(
            value, made["weight"], strides=(1, 1, 1, 1), bias=made["bias"], scale=made["scale"],
            act_func=ng.relu, padding=(0, 0, 0, 0), dtype=ng.int8, sum_dtype=ng.int32,
        )  # fmt: skip
        value.attribute(par_ich=min(parallel, channels), par_och=parallel)
        value = ng.max_pool_serial(value, ksize=(1, 2, 2, 1), strides=(1, 2, 2, 1))
        value.attribute(par=parallel)
    value = ng.reshape(value, [1, -1])
    for name, inputs, outputs in (("linear1", 1600, 1500), ("linear2", 1500, 12)):
        made = weights(name, outputs, inputs)
        value = ng.matmul(
            value, made["weight"], bias=made["bias"], scale=made["scale"], transposed_b=True,
            act_func=ng.relu if name == "linear1" else None, dtype=ng.int8, sum_dtype=ng.int32,
            name="output" if name == "linear2" else None,
        )  # fmt: skip
        value.attribute(par_left_col=parallel, par_out_col=parallel)
    return source, value


def write_test(accelerator, source, target, x: np.ndarray, expected: np.ndarray, folder: Path) -> None:
    """Write the accelerator with its memory and a host that starts it once and compares what it answers."""
    image, check, scratch = memory_image(source, target, x, expected)
    m = Module("test")
    m.copy_params(accelerator)
    ports = m.copy_sim_ports(accelerator)
    clock, resetn, reset = ports["CLK"], ports["RESETN"], m.Wire("RST")
    reset.assign(Not(resetn))
    model = axi.AxiMemoryModel(
        m, "memory", clock, reset, datawidth=BUS_BITS, memimg=image, memimg_name=str(folder / "memory.out"),
        memimg_datawidth=32,
    )  # fmt: skip
    model.connect(ports, "maxi")
    host = vthread.AXIMLite(m, "host", clock, reset, noio=True)
    host.connect(ports, "saxi")
    time = m.Reg("time_counter", 32, initval=0)
    Seq(m, "seq", clock, reset)(time.inc())

    def control() -> None:
        for _ in range(100):
            pass
        ng.sim.set_global_addrs(host, scratch)
        begun = time.value
        ng.sim.start(host)
        ng.sim.wait(host)
        print(f"cycles {time.value - begun}")  # becomes Verilog
        wrong = 0
        for number in range(12):
            got = model.read_word(number, target.addr, 8)
            want = model.read_word(number, check, 8)
            if vthread.verilog.NotEql(got, want):
                wrong += 1
        print(f"wrong {wrong}")
        vthread.finish()

    vthread.Thread(m, "control", clock, reset, control).start()
    m.Instance(accelerator, "dut", params=m.connect_params(accelerator), ports=m.connect_ports(accelerator))
    simulation.setup_clock(m, clock, hperiod=5)
    begin = simulation.setup_reset(m, resetn, m.make_reset(), period=100, polarity="low")
    begin.add(Delay(PATIENCE), Systask("finish"))
    m.to_verilog(str(folder / "test.v"))


def memory_image(source, target, x: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return 32-bit words with input, weights and the right output, where that is, and where room begins."""
    parameters = ng.export_ndarray([target], CHUNK)
    start = _aligned(source.addr + source.memory_size)
    check = _aligned(start + len(parameters))
    image = np.zeros(MEMORY_BYTES // 4, dtype=np.int64)
    align = BUS_BITS // 8
    axi.set_memory(image, x, 32, 8, source.addr, align)
    axi.set_memory(image, parameters, 32, 8, start)
    axi.set_memory(image, expected, 32, 8, check, align)
    return image, check, _aligned(check + expected.size * 4)


def _aligned(address: int) -> int:
    return math.ceil(address / CHUNK) * CHUNK


if __name__ == "__main__":
    main()
