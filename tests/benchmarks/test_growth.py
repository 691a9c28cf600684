"""Networks of the reference network's shape, and that their figures are whole."""

import pytest

from benchmarks.growth import CHECKED, KINDS, PARTS, measure_point
from benchmarks.speech_like import speech_like
from models.gsc.network import network


def test_at_full_width_its_layers_are_those_of_the_reference_network_but_for_batchnorm():
    made, reference = speech_like(64, 1, 0.1), network("sparse_sparse")
    kinds = [type(layer).__name__ for layer in reference if "BatchNorm" not in type(layer).__name__]
    assert sorted(type(layer).__name__ for layer in made) == sorted(kinds)
    for name in ("conv1", "conv2", "linear1", "linear2"):
        assert getattr(made, name).weight.shape == getattr(reference, name).weight.shape
    for name in ("winners1", "winners2", "winners3"):
        assert getattr(made, name).k == getattr(reference, name).k


def test_weights_are_pruned_to_the_share_asked_for_and_the_same_each_time():
    first, second = speech_like(16, 0.1, 1), speech_like(16, 0.1, 1)
    assert (first.conv2.weight == second.conv2.weight).all()
    assert [int(unit.count_nonzero()) for unit in first.conv2.weight] == [40] * 16
    assert first.linear2.weight.count_nonzero() == first.linear2.weight.numel()
    assert not any("winners" in name for name, _ in first.named_children())


def test_a_point_has_figures_of_known_kinds(tmp_path):
    assert (8, 95, 10) not in CHECKED
    figures = measure_point(8, 95, 10, tmp_path)
    assert figures.keys() <= KINDS.keys()
    assert figures["paced_interval"] <= 1568
    assert figures["chip_cycles_a_word"] == pytest.approx(
        figures["chip_interval"] / figures["chip_instances"], abs=0.05
    )


def test_every_point_that_is_checked_is_measured():
    measured = {part.run.args for part in PARTS}
    assert CHECKED <= measured
    assert len({part.point for part in PARTS if part.group == "growth-weights"}) == 12
