"""The kernel of a card, as emitted, in Verilator: see `kernel_bench.py` for what is tried."""

from tests.boards.shell_simulator import build_directory, run_bench


def test_the_kernel_serves_a_host_and_a_memory(tmp_path):
    directory = build_directory(tmp_path, "u250")
    folder = tmp_path / "bench"
    folder.mkdir()
    kernel = directory / "vitis" / "zeroskip_kernel.v"
    assert len(run_bench(directory, "zeroskip_kernel", [kernel], "tests.boards.kernel_bench", folder)) == 6
