// Simulates module `core` for a program at the other end of two pipes: COUNT cycles and N bytes for its line
// come in, the M bytes that it said go out. A byte is offered every SPACING cycles at most.
#include <cstdint>
#include <cstdio>
#include <deque>
#include <vector>
#include "Vcore.h"
#include "verilated.h"

static bool get(void* target, size_t size) { return fread(target, 1, size, stdin) == size; }

int main(int argc, char** argv) {
    const int SPACING = 4;
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vcore core{&context};
    std::deque<uint8_t> waiting;
    uint64_t cycle = 0, next = 0;
    auto tick = [&] {
        core.clk = 1;
        core.eval();
        core.clk = 0;
        core.eval();
        ++cycle;
    };
    core.rst = 1;
    core.o___05Fready = 1;
    for (int n = 0; n < 4; ++n) tick();
    core.rst = 0;
    uint32_t head[2];
    while (get(head, sizeof head)) {
        std::vector<uint8_t> bytes(head[1]), said;
        if (head[1] && !get(bytes.data(), bytes.size())) return 1;
        waiting.insert(waiting.end(), bytes.begin(), bytes.end());
        for (uint32_t n = 0; n < head[0]; ++n) {
            core.i___05Fvalid = !waiting.empty() && cycle >= next;
            if (core.i___05Fvalid) core.i___05Fpayload = waiting.front();
            core.eval();
            if (core.i___05Fvalid && core.i___05Fready) {
                waiting.pop_front();
                next = cycle + SPACING;
            }
            if (core.o___05Fvalid) said.push_back(core.o___05Fpayload);
            tick();
        }
        uint32_t count = said.size();
        fwrite(&count, sizeof count, 1, stdout);
        fwrite(said.data(), 1, count, stdout);
        fflush(stdout);
    }
    return 0;
}
