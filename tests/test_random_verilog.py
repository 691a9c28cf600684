"""Random networks in Verilator: what `verify` asks of one is asked of hundreds, in a smaller simulator."""

import os
import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, event, given, settings

import compiler
from benchmarks.verilated import build, run
from compiler.emit.directory import file_hashes
from compiler.errors import DoesNotFit, UnsupportedModel
from sim.session import STALLS, open_session
from tests.strategies import Drawn, networks

EXAMPLES = int(os.environ.get("N", "5"))


@settings(
    max_examples=EXAMPLES,
    derandomize="N" not in os.environ,
    deadline=None,
    database=None,
    print_blob=True,
    phases=[Phase.generate],  # an example takes seconds, so that making it smaller would take hours
    suppress_health_check=list(HealthCheck),
)
@given(networks())
def test_verilog_is_bit_exact_in_time_and_the_same_each_time(drawn: Drawn):
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            # Compares PyTorch with the executor on every vector.
            first, second = (
                compiler.build(drawn.model, input_shape=drawn.shape, output=folder / name, **drawn.options)
                for name in ("first", "second")
            )
        except (UnsupportedModel, DoesNotFit) as refusal:
            assert all(problem.where and problem.what for problem in refusal.problems)
            event(f"refused: {re.sub(r'[-0-9]+', 'N', refusal.problems[0].what)[:60]}")
            return
        event("built")
        assert file_hashes(first.directory) == file_hashes(second.directory)
        session = open_session(first.directory, None, STALLS)
        simulator = build(
            session.contract, sorted((first.directory / "rtl").glob("*.v")), folder / "simulator"
        )
        # Time is judged as well: never above what was predicted, equal where that is exact.
        faults = [run(simulator, session, stall).fault for stall in STALLS]
        assert faults == [None] * len(STALLS)
