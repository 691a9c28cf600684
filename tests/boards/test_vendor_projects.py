"""The projects for vendor tools: scripts run in a Tcl interpreter, XML against the ports, Verilog by lint."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import boards
from boards.flows import FlowError, Job
from boards.flows.vitis import count_instances
from hdl.axi.kernel_control import ControlConfig, KernelControl
from sim.toolchain import build_environment
from tests.boards.shell_simulator import build_directory

try:
    from tkinter import Tcl
except ImportError:
    Tcl = None

RECORDER = Path(__file__).with_name("recorder.tcl")
PROJECTS = {"u250": ("vitis", "zeroskip_kernel"), "zu3eg": ("vivado", "zeroskip_core")}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return a build directory a board, each with its project."""
    folder = tmp_path_factory.mktemp("projects")
    return {board: build_directory(folder, board) for board in PROJECTS}


def recorded(folder, script):
    """Run a script in its folder; return the vendor commands, each a list of words."""
    interpreter = shutil.which("tclsh")
    assert Tcl or interpreter, "there is no Tcl interpreter; install tcl (Debian, Ubuntu: apt install tcl)"
    path = folder / "recorded.txt"
    source = f'set script "{script}"; set recorded "{path}"; cd "{folder}"; source "{RECORDER}"'
    if Tcl is not None:
        there = os.getcwd()
        try:
            Tcl().eval(source)
        finally:
            os.chdir(there)
    else:
        subprocess.run([interpreter], input=source + "; exit", text=True, check=True, capture_output=True)
    return [line.split("\t") for line in path.read_text().splitlines()]


def select(commands, *words):
    return [command for command in commands if command[: len(words)] == list(words)]


def test_the_kernel_is_packaged_with_everything_it_needs(built):
    folder = built["u250"] / "vitis"
    commands = recorded(folder, "package_kernel.tcl")
    assert select(commands, "create_project")[0][-1] == "xcu250-figd2104-2L-e"
    added = select(commands, "add_files")[0][-1].split()
    rtl = built["u250"] / "rtl"
    sources = {path.name for path in rtl.glob("*.v")} | {"zeroskip_kernel.v"}
    images = {path.with_suffix(".mem").name for path in (rtl / "images").iterdir()}
    assert {Path(path).name for path in added} == sources | images and images
    buses = {command[2] for command in select(commands, "ipx::associate_bus_interfaces")}
    assert buses == {"m_axi_gmem", "s_axi_control"}
    assert select(commands, "package_xo")[0][1:] == [
        "-force", "-xo_path", "zeroskip_kernel.xo", "-kernel_name", "zeroskip_kernel",
        "-ip_directory", "work/core", "-kernel_xml", "kernel.xml",
    ]  # fmt: skip
    names = [command[0] for command in commands]
    order = ["create_project", "ipx::package_project", "ipx::check_integrity", "ipx::save_core", "package_xo"]
    assert sorted(order, key=names.index) == order


@pytest.mark.parametrize("board", PROJECTS)
def test_staged_verilog_reads_images_that_lie_beside_it(built, board):
    kind, _ = PROJECTS[board]
    recorded(built[board] / kind, "package_kernel.tcl" if kind == "vitis" else "build.tcl")
    staged = built[board] / kind / "work" / "source"
    text = "".join(path.read_text() for path in staged.glob("*.v"))
    named = set(re.findall(r'\$readmemh\("([^"]+)"', text))
    assert named == {path.name for path in staged.glob("*.mem")} and named
    for name in named:
        image = built[board] / "rtl" / "images" / name.replace(".mem", ".hex")
        assert (staged / name).read_bytes() == image.read_bytes()


def test_instances_are_spread_over_the_dies(built):
    folder = built["u250"] / "vitis"
    assert select(recorded(folder, "place.tcl"), "set_property") == []
    settings = (folder / "design.tcl").read_text()
    try:
        (folder / "design.tcl").write_text(settings.replace("set instances {0}", "set instances {6}"))
        placed = select(recorded(folder, "place.tcl"), "set_property", "USER_SLR_ASSIGNMENT")
    finally:
        (folder / "design.tcl").write_text(settings)
    assert [command[2] for command in placed] == ["SLR1", "SLR2", "SLR3", "SLR0", "SLR1", "SLR2"]
    assert [command[3].rsplit("_", 1)[1].rstrip('"') for command in placed] == list("012345")


def test_the_block_design_joins_every_port_of_the_core(built):
    commands = recorded(built["zu3eg"] / "vivado", "build.tcl")
    nets = [command[1:] for command in select(commands, "connect_bd_intf_net")]
    joined = sorted(pin for pair in nets for pin in pair)
    assert len(joined) == len(set(joined)) == 16
    assert {pin for pin in joined if pin.startswith("zeroskip/")} == {
        "zeroskip/s_axi_control", "zeroskip/s_axis", "zeroskip/m_axis",
    }  # fmt: skip
    assert ["dma/M_AXIS_MM2S", "zeroskip/s_axis"] in nets and ["zeroskip/m_axis", "dma/S_AXIS_S2MM"] in nets
    driven = [command[2] for command in select(commands, "connect_bd_net")]
    assert {"zeroskip/aclk", "zeroskip/aresetn", "dma/axi_resetn"} <= set(driven)
    assert len(driven) == len(set(driven))
    settings = " ".join(" ".join(command) for command in select(commands, "set_property", "-dict"))
    assert "CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ 250" in settings
    assert "CONFIG.c_include_sg 0" in settings and "CONFIG.c_sg_length_width 26" in settings
    assert select(commands, "launch_runs") and select(commands, "file", "copy")
    result = json.loads((built["zu3eg"] / "vivado" / "result.json").read_text())
    assert (result["period_ns"], result["slack_ns"]) == (4.0, 0.25)


ATTRIBUTES = {
    "root": {"versionMajor", "versionMinor"},
    "kernel": {
        "name", "language", "vlnv", "attributes", "preferredWorkGroupSizeMultiple", "workGroupSize",
        "interrupt", "hwControlProtocol",
    },
    "ports": set(),
    "port": {"name", "mode", "range", "dataWidth", "portType", "base"},
    "args": set(),
    "arg": {"name", "addressQualifier", "id", "port", "size", "offset", "hostOffset", "hostSize", "type"},
}  # fmt: skip


def test_kernel_xml_says_what_the_kernel_is(built):
    folder = built["u250"] / "vitis"
    root = ElementTree.parse(folder / "kernel.xml").getroot()
    assert {(element.tag, frozenset(element.keys())) for element in root.iter()} == {
        (tag, frozenset(names)) for tag, names in ATTRIBUTES.items()
    }
    registers = json.loads((folder / "card.json").read_text())["registers"]
    args = [[arg.get("name"), int(arg.get("offset"), 0), int(arg.get("size"), 0)] for arg in root.iter("arg")]
    assert {name: [offset, 8 * size] for name, offset, size in args} == registers == {
        "source": [0x10, 64], "target": [0x1C, 64], "status": [0x28, 64], "count": [0x34, 32],
    }  # fmt: skip
    assert [arg.get("id") for arg in root.iter("arg")] == ["0", "1", "2", "3"]
    verilog = (folder / "zeroskip_kernel.v").read_text()
    for port in root.iter("port"):
        assert f" {port.get('name')}_rdata;" in verilog
    assert re.search(r"input \[511:0\] m_axi_gmem_rdata;", verilog)
    assert re.search(r"output \[63:0\] m_axi_gmem_awaddr;", verilog)


@pytest.mark.parametrize("board", PROJECTS)
def test_lint_finds_nothing_but_the_generators_style(built, board):
    kind, top = PROJECTS[board]
    folder = built[board] / kind
    sources = [folder / "lint.vlt", *(built[board] / "rtl").glob("*.v"), folder / f"{top}.v"]
    environment = build_environment()
    program = shutil.which("verilator", path=environment["PATH"])
    for module in ("top", top):
        files = sources if module == top else sources[:-1]
        command = [program, "--lint-only", "-Wall", "--top-module", module, *map(str, files)]
        result = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert result.returncode == 0 and "%" not in result.stdout + result.stderr, result.stderr


@pytest.mark.parametrize("board", PROJECTS)
def test_without_the_tools_the_flow_says_what_to_run_where(built, board, monkeypatch):
    kind, _ = PROJECTS[board]
    monkeypatch.setenv("PATH", "")
    job = Job(
        directory=built[board], manifest=json.loads((built[board] / "manifest.json").read_text()),
        board=boards.find(board), clock_mhz=200.0, progress=lambda step: None,
    )  # fmt: skip
    with pytest.raises(FlowError, match="generated, simulated, not placed and routed") as caught:
        job.board.flow.run(job)
    assert caught.value.next.endswith(f"make -C {board}/{kind}")
    name, text = {
        "vitis": ("link.cfg", "freqHz=200000000:zeroskip_1"), "vivado": ("design.tcl", "clock_mhz {200.0}"),
    }[kind]  # fmt: skip
    assert text in (built[board] / kind / name).read_text()


def test_the_flow_runs_the_tools_and_reads_what_they_reached(built, tmp_path, monkeypatch):
    """With programs of the right names that only write what the real ones would."""
    for name, product in (("vivado", "zeroskip_kernel.xo"), ("v++", "zeroskip.xclbin")):
        program = tmp_path / name
        result = {"period_ns": 4.0, "slack_ns": -1.0, "lut": 10, "ff": 20, "dsp": 3, "bram36": 4, "uram": 0}
        program.write_text(f"#!/bin/sh\ntouch {product}\necho '{json.dumps(result)}' > result.json\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    job = Job(
        directory=built["u250"], manifest=json.loads((built["u250"] / "manifest.json").read_text()),
        board=boards.find("u250"), clock_mhz=250.0, progress=lambda step: None,
    )  # fmt: skip
    made = job.board.flow.run(job)
    assert (made.bitstream, made.reached_mhz, made.clock_mhz, made.wanted_mhz) == (
        "vitis/zeroskip.xclbin", 200.0, 200.0, 250.0,
    )  # fmt: skip
    assert made.resources["dsp"] == (3, 12_288)


def test_numbered_instances_are_counted(tmp_path):
    top = tmp_path / "top.v"
    top.write_text("module top;\n  a \\instance_0 (.clk(clk));\n  a instance_1 (\n  );\n wire instance_7;\n")
    assert count_instances(top) == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"arguments": (("a", 32), ("a", 64))}, "names must be unique"),
        ({"arguments": (("a", 16),)}, "a must have 32 or 64 bits, not 16"),
        ({"arguments": tuple((f"a{n}", 64) for n in range(10))}, "arguments must end at 0x7c, not 0x88"),
        ({"results": (("r", 64),), "address_bits": 7}, "results must end at 0x80, not 0x88"),
    ],
)
def test_wrong_registers_are_rejected(fields, message):
    with pytest.raises(ValueError, match=message):
        KernelControl(ControlConfig(**{"arguments": (), "results": ()} | fields))


def test_a_board_with_other_dies_gets_other_settings(built):
    flow = replace(boards.find("u250").flow, dies=2, memory_die=0)
    manifest = json.loads((built["u250"] / "manifest.json").read_text())
    folder = flow.write_project(built["u250"], manifest, boards.find("u250"))
    assert "sp=zeroskip_1.m_axi_gmem:DDR[0]" in (folder / "link.cfg").read_text()
    assert "set dies {2}" in (folder / "design.tcl").read_text()
