// Clocks the module `harness` without Python: four cycles of reset, then until it says that it is done.
#include "Vtop.h"
#include "verilated.h"

#include <memory>

int main(int argc, char** argv) {
  constexpr int kResetEdges = 8;
  const auto context = std::make_unique<VerilatedContext>();
  context->commandArgs(argc, argv);
#if VM_TRACE
  context->traceEverOn(true);
#endif
  const auto top = std::make_unique<Vtop>(context.get());
  top->rst = 1;
  top->clk = 0;
  for (int edge = 1; !context->gotFinish() && !(top->done && edge > kResetEdges); ++edge) {
    top->clk = !top->clk;
    if (edge > kResetEdges) top->rst = 0;
    top->eval();
    context->timeInc(1);
  }
  top->final();
  return 0;
}
