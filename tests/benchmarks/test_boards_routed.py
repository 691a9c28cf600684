"""What is told of a placed and routed board is what nextpnr says of it."""

from benchmarks.boards_routed import digest, slowest_path

LOG = """\
Info: Device utilisation:
Info: \t          TRELLIS_COMB:  3141/83640     3%
Info: \t               DP16KD:    12/  208     5%
Info: at initial placer iter 0, wirelen = 18862
Info: HeAP Placer Time: 30.55s
Info:       1000 |       27        972 |   27   972 |     86112|       0.53       0.53|
Info: Routing complete.
Info: Max frequency for clock '$glbnet$clk': 83.40 MHz (PASS at 80.00 MHz)
"""


def test_a_digest_keeps_use_and_clocks_and_drops_progress():
    kept = digest(LOG).splitlines()
    assert len(kept) == 5
    assert kept[0].endswith("3%") and kept[-1].startswith("Info: Max frequency")
    assert "18862" not in digest(LOG)


def test_the_slowest_path_is_that_of_the_clock_that_was_aimed_for():
    def path(name, begin, end):
        cells = [{"cell": begin}, {"cell": "between"}, {"cell": end}]
        steps = [{"from": cells[0], "to": cells[1]}, {"from": cells[1], "to": cells[2]}]
        return {"from": f"posedge {name}", "to": f"posedge {name}", "path": steps}

    report = {
        "fmax": {"line": {"constraint": 25}, "made": {"constraint": 80}},
        "critical_paths": [path("line", "a", "b"), path("made", "c", "d")],
    }
    assert slowest_path(report, 80.0) == {"slowest_path_from": "c", "slowest_path_to": "d"}
