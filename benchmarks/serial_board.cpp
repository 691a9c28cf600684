// Simulates module `board` for a program at the other end of two pipes: MICROSECONDS and N characters for its
// line come in; what its lamps show and the M bytes that it said go out. A character is a byte and, above it, a
// bit that is set if its stop bit is missing. Arguments: MHz of the clock that the PLL makes, and how many times
// too fast the other end of the line is, for which 3 Mbaud are meant.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>
#include "Vboard.h"
#include "verilated.h"

using Picoseconds = uint64_t;
static const Picoseconds BOARD = 40000;
static const int REST = 2, CHARACTER = 10;

static bool get(void* target, size_t size) { return fread(target, 1, size, stdin) == size; }

// The level of the line, from characters that are sent one after the other.
struct Sender {
    Picoseconds bit, begin = 0;
    std::deque<uint16_t> waiting;
    bool level(Picoseconds now) {
        if (waiting.empty()) {
            begin = now;
            return true;
        }
        uint64_t number = (now - begin) / bit;
        bool broken = waiting.front() >> 8 & 1;
        if (number >= CHARACTER + (broken ? REST : 0)) {
            begin += bit * (CHARACTER + (broken ? REST : 0));
            waiting.pop_front();
            return level(now);
        }
        if (number == 0) return false;
        if (number <= 8) return waiting.front() >> (number - 1) & 1;
        return number == 9 ? !broken : true;
    }
};

// Characters from the level of the line, each bit looked at in its middle.
struct Receiver {
    Picoseconds bit, begin = 0;
    int number = -1, content = 0;
    void look(Picoseconds now, bool level, std::vector<uint8_t>& said) {
        if (number < 0) {
            if (level) return;
            begin = now, number = 0, content = 0;
        }
        if (now < begin + bit * number + bit / 2) return;
        if (number == 9) {
            if (level) said.push_back(content);
            number = -1;
            return;
        }
        if (number) content |= level << (number - 1);
        ++number;
    }
};

int main(int argc, char** argv) {
    const Picoseconds half = 500000 / atof(argv[1]), bit = 1e12 / 3e6 / atof(argv[2]);
    VerilatedContext context;
    Vboard board{&context};
    Sender sender{bit};
    Receiver receiver{bit};
    Picoseconds now = 0, next_board = BOARD / 2, next_made = half;
    std::vector<uint8_t> said;
    uint32_t head[2];
    board.rx = 1;
    while (get(head, sizeof head)) {
        std::vector<uint16_t> characters(head[1]);
        if (head[1] && !get(characters.data(), 2 * characters.size())) return 1;
        sender.waiting.insert(sender.waiting.end(), characters.begin(), characters.end());
        said.clear();
        for (Picoseconds end = now + Picoseconds(head[0]) * 1000000; now < end;) {
            now = next_board < next_made ? next_board : next_made;
            if (next_board == now) {
                board.clk25 = !board.clk25;
                if (board.clk25) {
                    board.rx = sender.level(now);
                    receiver.look(now, board.tx, said);
                }
                next_board += BOARD / 2;
            }
            if (next_made == now) {
                board.made = !board.made;
                next_made += half;
            }
            board.eval();
        }
        uint32_t told[2] = {board.lamps, uint32_t(said.size())};
        fwrite(told, sizeof told, 1, stdout);
        fwrite(said.data(), 1, said.size(), stdout);
        fflush(stdout);
    }
    return 0;
}
