"""The manifest's parts survive a round trip, and a damaged one is refused with the field's name."""

import copy
import json

import pytest

from hdl.numerics import FixedPoint
from sim.contract import AxisPort, Contract, format_from_json, format_to_json, load_contract
from sim.errors import SimulationError
from tests.sim.design import CONTRACT, make_vectors, write_design


def test_a_contract_survives_the_manifest():
    assert Contract.from_json(json.loads(json.dumps(CONTRACT.to_json()))) == CONTRACT


def test_a_port_keeps_the_multiplier_of_its_format_and_else_does_not_mention_one():
    for multiplier in (1, 77):
        port = AxisPort((3, 1, 1), FixedPoint(16, 0, True, multiplier), 1, 16, 16)
        fields = json.loads(json.dumps(port.to_json()))
        assert ("multiplier" in fields["form"]) is (multiplier > 1)
        assert AxisPort.from_json(fields) == port
    fields["form"]["multiplier"] = 1 << 20
    with pytest.raises(ValueError, match="multiplier must be odd and from 1 to 65535"):
        AxisPort.from_json(fields)


@pytest.mark.parametrize("tap", CONTRACT.streams, ids=lambda tap: tap.name)
def test_a_format_survives_the_manifest(tap):
    assert format_from_json(json.loads(json.dumps(format_to_json(tap.format)))) == tap.format


def edit(path, value):
    """Return the manifest with one field set, or removed if `value` is None."""
    manifest = copy.deepcopy(CONTRACT.to_json())
    *parents, last = path
    place = manifest
    for step in parents:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return manifest


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (["streams"], None, "streams is missing"),
        (["interface", "input"], None, "interface.input is missing"),
        (["interface", "input", "lanes"], 0, "interface.input: lanes must be a positive integer, not 0"),
        (["interface", "output", "container_bits"], 8, "output: container_bits must be 16 to 64, not 8"),
        (["interface", "input", "data_bits"], 8, "interface.input: data_bits must be at least 16, not 8"),
        (["interface", "input", "beats"], 5, "interface.input: beats must be 9, not 5"),
        (["interface", "input", "shape"], [2, 9], "interface.input: shape must be three positive integers"),
        (["streams", 1, "bits"], 4, "streams.1: bits must be 9, as the format says, not 4"),
        (["streams", 1, "valid"], "relu.o__valid", "valid, ready and payload must start with 'top.'"),
        (["streams", 0, "format"], None, "streams.0 lacks 'format'"),
        (["streams", 0, "format", "kind"], "raw", "kind must be one of dense, winners, entries, not 'raw'"),
        (["predicted", "latency_exact"], None, "predicted: .*missing 1 .* argument: 'latency_exact'"),
    ],
)
def test_a_damaged_manifest_is_refused(path, value, text):
    with pytest.raises(SimulationError, match=text):
        Contract.from_json(edit(path, value))


@pytest.mark.parametrize(("content", "text"), [("{", "cannot be read"), ("[]", "must hold a JSON object")])
def test_a_manifest_that_is_no_json_object_is_refused(tmp_path, content, text):
    write_design(tmp_path, make_vectors(1))
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(SimulationError, match=text):
        load_contract(tmp_path)


def test_a_port_counts_its_beats():
    port = AxisPort((5, 2, 3), FixedPoint(8, 0, False), 2, 8, 16)
    assert port.beats == 3 * 6
