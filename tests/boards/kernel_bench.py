"""Runs inside the simulator: the kernel on a memory that stalls and fails, by registers and by driver."""

import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiSlave, MemoryRegion

DIRECTORY = Path(json.loads(Path("bench.json").read_text())["directory"])
HOST = DIRECTORY / "vitis"
CARD = json.loads((HOST / "card.json").read_text())
CONTROL, DONE, IDLE = 0x00, 2, 4
MEMORY = 1 << 22


class Memory(MemoryRegion):
    """Memory that answers reads and writes of some addresses with an error, and notes every burst."""

    bad_reads = bad_writes = range(0)

    async def _read(self, address, length, **kwargs):
        if any(at in self.bad_reads for at in (address, address + length - 1)):
            raise OSError("bad address")
        return await super()._read(address, length, **kwargs)

    async def _write(self, address, data, **kwargs):
        if any(at in self.bad_writes for at in (address, address + len(data) - 1)):
            raise OSError("bad address")
        await super()._write(address, data, **kwargs)


def stalls(seed, share):
    rng = np.random.default_rng(seed)
    return (bool(rng.random() < share) for _ in itertools.count())


class Bench:
    """The kernel, out of reset, between a host and a memory."""

    @classmethod
    async def make(cls, dut, share=0.0, seed=0):
        self = cls()
        self.dut = dut
        Clock(dut.ap_clk, 2, unit="step").start()
        self.memory = Memory(MEMORY)
        self.slave = AxiSlave(AxiBus.from_prefix(dut, "m_axi_gmem"), dut.ap_clk, target=self.memory)
        self.host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), dut.ap_clk)
        self.bursts = []
        if share:
            write, read = self.slave.write_if, self.slave.read_if
            channels = (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel)
            for number, channel in enumerate(channels):
                channel.set_pause_generator(stalls(seed + number, share))
        dut.ap_rst_n.value = 0
        await ClockCycles(dut.ap_clk, 6)
        dut.ap_rst_n.value = 1
        await ClockCycles(dut.ap_clk, 6)
        cocotb.start_soon(self.watch())
        return self

    async def watch(self):
        """Note every address that passes."""
        dut = self.dut
        while True:
            await ClockCycles(dut.ap_clk, 1)
            for letter in "rw":
                ports = [f"m_axi_gmem_a{letter}{name}" for name in ("valid", "ready", "addr", "len")]
                valid, ready, address, length = (int(getattr(dut, port).value) for port in ports)
                if valid and ready:
                    self.bursts.append((letter, address, length + 1))

    async def set(self, name, value):
        offset, bits = CARD["registers"][name]
        await self.host.write(offset, value.to_bytes(bits // 8, "little"))

    async def result(self, name):
        offset, bits = CARD["results"][name]
        return int.from_bytes((await self.host.read(offset, bits // 8)).data, "little")

    async def start(self, source, target, status, count):
        for name, value in (("source", source), ("target", target), ("status", status), ("count", count)):
            await self.set(name, value)
        await self.host.write(CONTROL, b"\x01\0\0\0")

    async def finish(self):
        for _ in range(4000):
            if (await self.host.read_dword(CONTROL)) & DONE:
                return
            await ClockCycles(self.dut.ap_clk, 20)
        raise AssertionError("the kernel did not end")

    async def run(self, source, target, status, count):
        await self.start(source, target, status, count)
        await self.finish()
        return self.memory.mem[status : status + 64]


def frames_and_outputs(count):
    """Return frames as bytes, and what must lie in memory afterwards."""
    from boards.host.card_frames import CardFrames

    card = CardFrames.read(HOST / "card.json")
    with np.load(DIRECTORY / "vectors.npz") as vectors:
        frames, logits = vectors["x"][:count].astype(np.int64), vectors["logits"][:count]
    return card, card.pack(frames).tobytes(), logits * CARD["output_scale"]


def outputs_of(card, data):
    return card.unpack(np.frombuffer(bytes(data), np.uint8).reshape(-1, card.output_bytes))


@cocotb.test()
async def runs_come_out_right_whatever_pauses_and_again_without_reset(dut):
    bench = await Bench.make(dut, share=0.4, seed=3)
    for count, source in ((20, 4096 - 64), (1, 0x10000), (7, 0x20000 + 64 * 13)):
        card, data, expected = frames_and_outputs(count)
        target, status = 0x100000 - 64 * 5, 0x200000
        bench.memory.mem[source : source + len(data)] = data
        size = count * card.output_bytes
        bench.memory.mem[target : target + size + 64] = b"\xaa" * (size + 64)
        report = card.split_report(await bench.run(source, target, status, count))
        card.check(report)
        assert np.array_equal(outputs_of(card, bench.memory.mem[target : target + size]), expected)
        assert bytes(bench.memory.mem[target + size : target + size + 64]) == b"\xaa" * 64
        assert report["cycles"] == await bench.result("cycles") > 0
        assert (await bench.host.read_dword(CONTROL)) & (DONE | IDLE) == IDLE
    words = [burst for burst in bench.bursts if burst[0] == "r"]
    assert sum(length for _, _, length in words) == 28 * card.input_bytes // 64
    assert all(at // 4096 == (at + 64 * size - 1) // 4096 and size <= 16 for _, at, size in bench.bursts)
    assert max(length for _, _, length in words) > 1


@cocotb.test()
async def no_frames_move_nothing_but_the_report(dut):
    bench = await Bench.make(dut)
    report = await bench.run(0, 4096, 8192, 0)
    card, _, _ = frames_and_outputs(1)
    card.check(card.split_report(report))
    assert [burst[:2] for burst in bench.bursts] == [("w", 8192)]


@cocotb.test()
async def errors_of_the_memory_are_reported_and_the_next_run_is_clean(dut):
    bench = await Bench.make(dut)
    card, data, expected = frames_and_outputs(6)
    bench.memory.mem[: len(data)] = data
    size = 6 * card.output_bytes
    for kind in ("bad_reads", "bad_writes"):
        at = card.input_bytes if kind == "bad_reads" else 0x10000
        setattr(bench.memory, kind, range(at, at + 64))
        report = card.split_report(await bench.run(0, 0x10000, 0x20000, 6))
        flags = [name for bit, name in enumerate(CARD["flags"]) if report["flags"] >> bit & 1]
        assert flags == [f"{kind[4:-1]}_slave"]
        assert report["flags"] == await bench.result("flags")
        if kind == "bad_reads":
            assert report["fault_word"] == card.input_bytes // 64
        setattr(bench.memory, kind, range(0))
        card.check(card.split_report(await bench.run(0, 0x10000, 0x20000, 6)))
        assert np.array_equal(outputs_of(card, bench.memory.mem[0x10000 : 0x10000 + size]), expected)


@cocotb.test()
async def pointers_off_a_word_are_refused(dut):
    bench = await Bench.make(dut)
    report = await bench.run(8, 4096, 8192, 3)
    assert CARD["flags"][int.from_bytes(report[4:8], "little").bit_length() - 1] == "misaligned"
    assert [burst[:2] for burst in bench.bursts] == [("w", 8192)]
    await bench.run(0, 4096, 8200, 0)
    assert len(bench.bursts) == 1


@cocotb.test()
async def the_driver_runs_on_these_registers(dut):
    bench = await Bench.make(dut, share=0.2, seed=11)
    sys.modules["pyxrt"] = runtime(bench)
    sys.path.insert(0, str(HOST))
    import xrt_card
    from card_frames import CardError

    x = np.random.default_rng(5).normal(size=(9, *CARD["input"]["shape"]))
    card = await bridge(xrt_card.XrtCard)("zeroskip.xclbin", batch=4)
    import compiler

    logits = await bridge(card.predict)(x)
    assert np.array_equal(logits, compiler.Bundle.open(DIRECTORY).predict(x))
    bench.memory.bad_reads = range(64)
    try:
        await bridge(card.predict)(x[:1])
        raise AssertionError("the error of the memory went unnoticed")
    except CardError as error:
        assert "read_slave" in str(error)


@cocotb.test()
async def the_driver_loads_other_weights_and_gets_the_answers_of_their_network(dut):
    bench = await Bench.make(dut, share=0.2, seed=13)
    sys.modules["pyxrt"] = pyxrt = runtime(bench)
    sys.path.insert(0, str(HOST))
    import xrt_card
    import xrt_registers
    from card_frames import CardError

    xrt_card.pyxrt = pyxrt  # whichever test was first to import the driver
    xrt_registers.ctypes.CDLL = lambda name: library(bench, pyxrt)
    other = DIRECTORY.with_name("other-u250")
    content = bytearray((other / "weights.bin").read_bytes())
    x = np.random.default_rng(5).normal(size=(5, *CARD["input"]["shape"]))
    card = await bridge(xrt_card.XrtCard)("zeroskip.xclbin", batch=4)
    import compiler

    before, after = (compiler.Bundle.open(place).predict(x) for place in (DIRECTORY, other))
    assert not np.array_equal(before, after)
    assert np.array_equal(await bridge(card.predict)(x), before)
    content[20] ^= 8
    Path("spoiled.bin").write_bytes(content)
    try:
        await bridge(card.load_weights)("spoiled.bin")
        raise AssertionError("a spoiled load was taken")
    except CardError as error:
        assert "did not arrive whole" in str(error)
    await bridge(card.load_weights)(other / "weights.bin")
    assert np.array_equal(await bridge(card.predict)(x), after)


def library(bench, pyxrt):
    """Return what the driver takes for XRT's library in C: one kernel, open to one at a time."""

    def open_alone(device, uuid, name):
        assert (device, len(uuid), name) == (7, 16, b"zeroskip_kernel")
        return 0 if pyxrt.kernel.opened else 9

    def read(kernel, offset, found):
        found._obj.value = resume(bench.host.read_dword)(offset)

    def write(kernel, offset, value):
        resume(bench.host.write_dword)(offset, value)

    return SimpleNamespace(
        xrtDeviceOpen=lambda number: 7, xrtDeviceClose=lambda device: 0,
        xrtDeviceGetXclbinUUID=lambda device, uuid: 0, xrtPLKernelOpenExclusive=open_alone,
        xrtKernelClose=lambda kernel: 0, xrtKernelReadRegister=read, xrtKernelWriteRegister=write,
    )  # fmt: skip


def runtime(bench):
    """Return what the driver takes for `pyxrt`: its buffers are the memory, its kernel the registers."""
    taken = [0]

    class Buffer:
        normal = 0

        def __init__(self, device, size, flags, group):
            self.address, self.host = taken[0], np.zeros(size, np.uint8)
            taken[0] += -(-size // 4096) * 4096

        def write(self, data, seek):
            self.host[seek : seek + data.size] = data.reshape(-1)

        def read(self, size, skip):
            return self.host[skip : skip + size].copy().view(np.int8)

        def sync(self, direction, size, offset):
            part = slice(self.address + offset, self.address + offset + size)
            if direction:
                bench.memory.mem[part] = self.host[offset : offset + size].tobytes()
            else:
                self.host[offset : offset + size] = np.frombuffer(bytes(bench.memory.mem[part]), np.uint8)

    class Kernel:
        opened = 0

        def __init__(self, device, uuid, name):
            assert name == "zeroskip_kernel"
            Kernel.opened += 1

        def __del__(self):
            Kernel.opened -= 1

        def group_id(self, argument):
            return argument

        def __call__(self, source, target, status, count):
            resume(bench.start)(source.address, target.address, status.address, count)
            return SimpleNamespace(wait=lambda timeout: resume(bench.finish)() or 4)

    device = SimpleNamespace(load_xclbin=lambda path: path)
    return SimpleNamespace(
        device=lambda number: device,
        kernel=Kernel,
        bo=Buffer,
        xclBOSyncDirection=SimpleNamespace(XCL_BO_SYNC_BO_TO_DEVICE=1, XCL_BO_SYNC_BO_FROM_DEVICE=0),
        ert_cmd_state=SimpleNamespace(ERT_CMD_STATE_COMPLETED=4),
    )
