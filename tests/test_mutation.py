"""The bench catches bugs: of random mutants of emitted Verilog none survives that could be told from it."""

import compiler
from benchmarks.mutation import Assessment
from benchmarks.networks import network

MUTANTS = 20
SECONDS = 5


def test_verification_kills_random_mutants(tmp_path):
    model, shape = network("image_out")
    bundle = compiler.build(model, board="u250", input_shape=shape, output=tmp_path / "out")
    assessment = Assessment(bundle.directory, MUTANTS, 1, tmp_path, SECONDS)
    fates = [assessment.fate(mutant) for mutant in assessment.mutants]
    assert len(fates) == MUTANTS
    alive = [fate for fate in fates if fate["fate"] == "alive"]
    equivalent = [fate for fate in fates if fate["fate"] == "equivalent"]
    assert len(alive) <= 0.05 * (MUTANTS - len(equivalent)), alive
    assert len(equivalent) < MUTANTS // 3
