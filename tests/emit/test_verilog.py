"""The same design gives the same bytes, memories become files, and parts that are alike become one module."""

import re

import pytest

from compiler.emit.verilog import emit_verilog
from hdl.activation.top_k import TopK, TopKConfig
from hdl.numerics import FixedPoint
from hdl.streams.formats import DenseFormat
from hdl.verilog import to_verilog
from tests.compiled import accelerator


def _emit(directory, name="speech_like"):
    directory.mkdir()
    emit_verilog(accelerator(name), directory)
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*.*")}


@pytest.fixture(scope="module")
def emitted(tmp_path_factory):
    return _emit(tmp_path_factory.mktemp("emit") / "rtl")


def test_the_same_design_gives_the_same_bytes(emitted, tmp_path):
    assert _emit(tmp_path / "again") == emitted


def test_verilog_does_not_depend_on_what_was_converted_before():
    """Fuzzing found a sorter whose inverters changed places between the first conversion and the second."""
    source = DenseFormat.natural((6, 2, 2), FixedPoint(8, 0, True), 3)
    texts = {to_verilog(TopK(TopKConfig(source=source, k=1)), "top_k") for _ in range(4)}
    assert len(texts) == 1


def test_every_stage_has_its_file_and_the_top_its_ports(emitted):
    stages = {stage.name for stage in accelerator("speech_like").stages}
    assert {f"{stage}.v" for stage in stages} | {"top.v"} == {name for name in emitted if name.endswith(".v")}
    header = re.search(r"module top\((.*?)\);", emitted["top.v"].decode()).group(1)
    assert {"clk", "rst", "frame_error", "s_axis_tdata", "m_axis_tlast"} <= set(header.split(", "))


def test_memories_read_the_images_that_were_written(emitted):
    read = {name for text in emitted.values() for name in re.findall(rb'readmemh\("(images/\w+\.hex)"', text)}
    written = {name.encode() for name in emitted if name.startswith("images/")}
    assert read == written
    assert len(read) >= 3


def test_columns_that_differ_in_weights_alone_share_a_module(emitted):
    text = emitted["conv2d_6.v"].decode()
    (conv,) = (stage for stage in accelerator("speech_like").stages if stage.name == "conv2d_6")
    assert len(conv.config.columns) > 1
    assert len(re.findall(r"^module conv2d_6_lanes\d+\(", text, re.MULTILINE)) == 1
    assert len(re.findall(r"^module conv2d_6_rom\d+\(", text, re.MULTILINE)) == len(conv.config.columns)


def test_no_file_names_a_place_of_this_machine(emitted):
    assert not any(re.search(rb"/(home|root|tmp|usr|work|opt)/", text) for text in emitted.values())
