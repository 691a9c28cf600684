"""Runs inside the simulator: the core of an overlay between two streams, by registers and by driver."""

import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

DIRECTORY = Path(json.loads(Path("bench.json").read_text())["directory"])
HOST = DIRECTORY / "vivado"
CARD = json.loads((HOST / "card.json").read_text())
CONTROL, CLEAR, START, DONE, RUNNING = 0x00, 0x7C, 1, 2, 1


def stalls(seed, share):
    rng = np.random.default_rng(seed)
    return (bool(rng.random() < share) for _ in itertools.count())


class Bench:
    """The core, out of reset, between a host and the two sides of a DMA engine."""

    @classmethod
    async def make(cls, dut, share=0.0, seed=0):
        from boards.host.card_frames import CardFrames

        self = cls()
        self.dut, self.card = dut, CardFrames.read(HOST / "card.json")
        Clock(dut.aclk, 2, unit="step").start()
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, byte_lanes=8)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.aclk)
        self.host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi_control"), dut.aclk)
        if share:
            self.source.set_pause_generator(stalls(seed, share))
            self.sink.set_pause_generator(stalls(seed + 1, share))
        dut.aresetn.value = 0
        await ClockCycles(dut.aclk, 6)
        dut.aresetn.value = 1
        await ClockCycles(dut.aclk, 6)
        with np.load(DIRECTORY / "vectors.npz") as vectors:
            self.frames = vectors["x"].astype(np.int64)
            self.expected = vectors["logits"] * CARD["output_scale"]
        return self

    async def start(self, count):
        await self.host.write_dword(CARD["registers"]["count"][0], count)
        await self.host.write_dword(CONTROL, START)

    async def finish(self):
        for _ in range(4000):
            if (await self.host.read_dword(CONTROL)) & DONE:
                return
            await ClockCycles(self.dut.aclk, 20)
        raise AssertionError("the core did not end")

    async def flags(self):
        raised = await self.host.read_dword(CARD["results"]["flags"][0])
        return [name for bit, name in enumerate(CARD["flags"]) if raised >> bit & 1]

    async def run(self, count, data):
        """Send one packet; return the logits of the packet that comes back."""
        await self.start(count)
        await self.source.send(AxiStreamFrame(data))
        packet = await with_timeout(self.sink.recv(), 400_000, "step")
        await self.finish()
        assert self.sink.empty() and len(packet.tdata) == count * self.card.output_bytes
        return self.card.unpack(np.frombuffer(bytes(packet.tdata), np.uint8).reshape(count, -1))


@cocotb.test()
async def packets_come_out_right_whatever_pauses_and_again_without_reset(dut):
    bench = await Bench.make(dut, share=0.4, seed=7)
    for count in (9, 1, 4):
        logits = await bench.run(count, bench.card.pack(bench.frames[:count]).tobytes())
        assert np.array_equal(logits, bench.expected[:count])
        assert await bench.flags() == []
        assert await bench.host.read_dword(CARD["results"]["version"][0]) == CARD["version"]


@cocotb.test()
async def no_frames_take_nothing(dut):
    bench = await Bench.make(dut)
    await bench.start(0)
    await bench.finish()
    assert await bench.flags() == [] and bench.sink.empty()


@cocotb.test()
async def a_packet_of_the_wrong_length_is_reported_and_the_next_run_is_clean(dut):
    bench = await Bench.make(dut, share=0.2, seed=9)
    whole = bench.card.pack(bench.frames[:3]).tobytes()
    for data, flag in (
        (whole[:8], "cut_short"), (whole[:-8], "cut_short"), (whole + b"\x55" * 8, "too_long"),
        (whole + b"\x55" * 800, "too_long"), (whole[: bench.card.input_bytes], "cut_short"),
    ):  # fmt: skip
        logits = await bench.run(3, data)
        assert await bench.flags() == [flag]
        kept = min(3, len(data) // bench.card.input_bytes)
        assert np.array_equal(logits[:kept], bench.expected[:kept])
        assert np.array_equal(await bench.run(3, whole), bench.expected[:3])
        assert await bench.flags() == []


@cocotb.test()
async def a_run_is_given_up_in_the_middle(dut):
    bench = await Bench.make(dut)
    await bench.start(4)
    await bench.source.send(AxiStreamFrame(bench.card.pack(bench.frames[:4]).tobytes()))
    await ClockCycles(dut.aclk, 20)
    assert (await bench.host.read_dword(CONTROL)) & RUNNING
    await bench.host.write_dword(CLEAR, 1)
    await ClockCycles(dut.aclk, 4)
    assert not (await bench.host.read_dword(CONTROL)) & RUNNING
    # The engine goes on with what is left of its packet once the next run takes it: too much for one frame.
    await bench.start(1)
    await with_timeout(bench.sink.recv(), 400_000, "step")
    await bench.finish()
    assert await bench.flags() == ["too_long"]
    whole = bench.card.pack(bench.frames[:3]).tobytes()
    assert np.array_equal(await bench.run(3, whole), bench.expected[:3])


@cocotb.test()
async def the_driver_runs_on_these_registers(dut):
    bench = await Bench.make(dut, share=0.2, seed=13)
    sys.modules["pynq"] = runtime(bench)
    sys.path.insert(0, str(HOST))
    import pynq_overlay

    x = np.random.default_rng(6).normal(size=(7, *CARD["input"]["shape"]))
    overlay = await bridge(pynq_overlay.ZeroskipOverlay)("zeroskip.bit", batch=3)
    logits = await bridge(overlay.predict)(x)
    import compiler

    assert np.array_equal(logits, compiler.Bundle.open(DIRECTORY).predict(x))
    assert overlay.report["cycles"] > 0


@cocotb.test()
async def other_weights_are_loaded_and_give_the_answers_of_their_network(dut):
    bench = await Bench.make(dut, share=0.2, seed=17)
    whole = bench.card.pack(bench.frames[:3]).tobytes()
    assert np.array_equal(await bench.run(3, whole), bench.expected[:3])
    other = DIRECTORY.with_name("other-zu3eg")
    content = bytearray((other / "weights.bin").read_bytes())
    load = bridge(bench.card.load_weights)
    reach = resume(bench.host.write_dword), resume(bench.host.read_dword)
    from boards.host.card_frames import CardError

    content[20] ^= 8
    try:
        await load(bytes(content), *reach)
    except CardError as error:
        assert "did not arrive whole" in str(error)
    else:
        raise AssertionError("a spoiled load was taken")
    content[20] ^= 8
    await load(bytes(content), *reach)
    with np.load(other / "vectors.npz") as vectors:
        expected = vectors["logits"][:3] * CARD["output_scale"]
    assert not np.array_equal(expected, bench.expected[:3])
    assert np.array_equal(await bench.run(3, whole), expected)


def runtime(bench):
    """Return what the driver takes for `pynq`: its core is the registers, its DMA engine the streams."""

    class Buffer(np.ndarray):
        def flush(self):
            pass

        invalidate = flush

    class Send:
        def transfer(self, buffer, nbytes):
            data = buffer.reshape(-1)[:nbytes].tobytes()
            resume(bench.source.send)(AxiStreamFrame(data))

        def wait(self):
            resume(bench.source.wait)()

    class Receive:
        def transfer(self, buffer, nbytes):
            self.buffer, self.size = buffer.reshape(-1), nbytes

        def wait(self):
            data = bytes(resume(bench.sink.recv)().tdata)
            assert len(data) == self.size
            self.buffer[: self.size] = np.frombuffer(data, np.uint8)

    core = SimpleNamespace(read=resume(bench.host.read_dword), write=resume(bench.host.write_dword))
    dma = SimpleNamespace(sendchannel=Send(), recvchannel=Receive())
    return SimpleNamespace(
        Overlay=lambda path: SimpleNamespace(zeroskip=core, dma=dma),
        allocate=lambda shape, kind: np.zeros(shape, kind).view(Buffer),
    )
