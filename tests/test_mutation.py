"""The bench catches bugs: of random mutants of emitted Verilog few survive, none of them unnoticed."""

import compiler
from benchmarks.mutation import assess
from benchmarks.networks import network

MUTANTS = 20


def test_verification_kills_random_mutants(tmp_path):
    model, shape = network("image_out")
    bundle = compiler.build(model, board="u250", input_shape=shape, output=tmp_path / "out")
    fates = assess(bundle.directory, MUTANTS, seed=1)
    assert len(fates) == MUTANTS
    killed = [fate for fate in fates if fate["fate"] == "killed"]
    equivalent = [fate for fate in fates if fate["fate"] == "equivalent"]
    assert len(killed) >= 0.8 * (MUTANTS - len(equivalent)), fates
