"""What is proved equivalent is: no mutant that changes what a simulation sees is among it."""

from dataclasses import replace

from benchmarks.aiger import Aig, Netlist, is_false
from benchmarks.equivalence import attempts, proved_equivalent, whole_netlist
from benchmarks.mutants import mutate, watched, wrap
from benchmarks.mutation import killed_by
from benchmarks.verilated import build
from sim.session import STALLS, open_session
from tests.sim.design import make_vectors, write_design

STAGES = ("relu", "winners", "entries", "linear")
MUTANTS = 24
SECONDS = 1


def test_killed_mutants_are_not_proved_equivalent_and_others_are(tmp_path):
    directory = write_design(tmp_path / "design", make_vectors(20))
    session = open_session(directory, None, STALLS)
    session = replace(session, contract=watched(session.contract))
    mutants, sources = mutate(directory, MUTANTS, 3, tmp_path)
    simulator = build(session.contract, [*sources, wrap(session.contract, tmp_path)], tmp_path / "simulator")
    netlist = whole_netlist(tmp_path, STAGES)
    killed = {mutant.number for mutant in mutants if killed_by(simulator, session, mutant)}
    proved = {
        mutant.number
        for mutant in mutants
        if any(
            proved_equivalent(netlist, STAGES, attempt, mutant, tmp_path, SECONDS)
            for attempt in attempts(mutant, STAGES)[:4]
        )
    }
    assert not killed & proved
    assert len(killed) > MUTANTS // 3 and proved


def test_equal_nodes_are_one_and_constants_vanish():
    graph = Aig()
    a, b = graph.variable(), graph.variable()
    assert graph.both(a, b) == graph.both(b, a)
    assert (graph.both(a, 0), graph.both(a, 1), graph.both(a, a), graph.both(a, a ^ 1)) == (0, a, a, 0)
    assert graph.differ(a, a) == 0 and graph.differ(a, 0) == a and graph.either(a, a ^ 1) == 1


def test_a_copy_has_the_structure_of_what_it_copies(tmp_path):
    """An XOR of an input and a register: `x AND NOT r`, `NOT x AND r`, their OR."""
    source = Netlist(["x"], ["r"], ["o"], [2], [11], [(2, 5), (3, 4), (7, 9)])
    graph = Aig()
    x, r = graph.variable(), graph.variable()
    copied = graph.copy(source, [x], [r])
    assert copied(source.driven[0]) == graph.differ(x, r) and copied(source.next[0]) == x
    assert copied.varied({2: x})(source.driven[0]) == 0
    assert copied.varied({2: x}, pinned={5})(source.driven[0]) == copied(source.driven[0])
    assert graph.write(tmp_path / "xor.aig", {r: x}, graph.differ(x, r)) == (1, 3)
    assert (tmp_path / "xor.aig").read_bytes().startswith(b"aig 5 1 1 1 3\n2\n11\n")


def test_only_the_constant_false_without_registers_is_false(tmp_path):
    graph, path = Aig(), tmp_path / "a.aig"
    x, register = graph.variable(), graph.variable()
    for bad, right in ((0, True), (1, False), (x, False), (register, False)):
        graph.write(path, {register: x}, bad)
        assert is_false(path) == right
