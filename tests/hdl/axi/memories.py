"""A memory on AXI4 in Amaranth's simulator: it stalls at random, answers as told, and checks what it sees."""

import numpy as np

__all__ = ["serve_reads", "serve_writes"]


def serve_reads(bus, content, responses, stall, seed=0):
    """Return a testbench that answers bursts from `content` by address, with `responses` (OKAY by default).

    The reader must be ready for every word that it asked for.
    """
    rng = np.random.default_rng(seed)
    bursts = []

    async def serve(ctx):
        waiting, offered = [], False
        while True:
            ctx.set(bus.arready, ready := rng.random() >= stall)
            if not offered and waiting and rng.random() >= stall:
                address, last = waiting[0]
                ctx.set(bus.rdata, content.get(address, 0))
                ctx.set(bus.rresp, responses.get(address, 0))
                ctx.set(bus.rlast, last)
                offered = True
            ctx.set(bus.rvalid, offered)
            if offered:
                assert ctx.get(bus.rready), "the bus had to wait for the reader"
                waiting.pop(0)
                offered = False
            if ctx.get(bus.arvalid) and ready:
                address, words = ctx.get(bus.araddr), ctx.get(bus.arlen) + 1
                step = 1 << ctx.get(bus.arsize)
                bursts.append((address, words))
                waiting += [(address + step * n, n == words - 1) for n in range(words)]
            await ctx.tick()

    return serve, bursts


def serve_writes(bus, content, responses, stall, seed=0):
    """Return a testbench that takes bursts into `content` and answers by the address of each.

    Address and words may pass in either order; once the words of a burst began, none may be missing.
    """
    rng = np.random.default_rng(seed)
    bursts = []

    async def serve(ctx):
        words, whole, addresses, answers = [], [], [], []
        while True:
            ctx.set(bus.awready, address_ready := rng.random() >= stall)
            ctx.set(bus.wready, word_ready := rng.random() >= stall)
            answering = bool(answers) and rng.random() >= stall
            ctx.set(bus.bvalid, answering)
            ctx.set(bus.bresp, answers[0] if answering else 0)
            if ctx.get(bus.awvalid) and address_ready:
                addresses.append((ctx.get(bus.awaddr), ctx.get(bus.awlen) + 1))
            assert ctx.get(bus.wvalid) or not words, "the bus had to wait for the writer"
            if ctx.get(bus.wvalid) and word_ready:
                words.append(ctx.get(bus.wdata))
                if ctx.get(bus.wlast):
                    whole.append(words)
                    words = []
            if answering:
                assert ctx.get(bus.bready)
                answers.pop(0)
            while addresses and whole:
                address, count = addresses.pop(0)
                burst = whole.pop(0)
                assert len(burst) == count
                content.update({address + len(bus.wstrb) * n: word for n, word in enumerate(burst)})
                answers.append(responses.get(address, 0))
                bursts.append((address, count))
            await ctx.tick()

    return serve, bursts
