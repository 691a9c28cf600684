"""The core of an overlay, as emitted, in Verilog: see `core_bench.py` for what is tried."""

from tests.boards.shell_simulator import build_directory, run_bench


def test_the_core_serves_a_host_and_two_streams(tmp_path):
    directory = build_directory(tmp_path, "zu3eg")
    folder = tmp_path / "bench"
    folder.mkdir()
    core = directory / "vivado" / "zeroskip_core.v"
    assert len(run_bench(directory, "zeroskip_core", [core], "tests.boards.core_bench", folder)) == 6
