"""How often bits changed, read off what Verilator writes."""

from benchmarks.energy import changes

SAIF = r"""
 (INSTANCE harness
  (NET
   (cycle\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 10))
  )
  (INSTANCE dut
   (NET
    (clk (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 10))
    (clk_enable (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 3))
    (sum\[0\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 4))
   )
   (INSTANCE conv1
    (NET
     (sum\[1\] (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 2))
    )
   )
  )
  (INSTANCE all_taps
   (NET
    (beat (T0 5) (T1 5) (TZ 0) (TX 0) (TB 0) (TC 7))
   )
  )
 )
"""


def test_bits_of_the_design_count_but_not_its_clock_and_not_the_harness():
    assert changes(SAIF.splitlines()) == (3 + 4 + 2, 3)


def test_a_file_without_the_design_has_no_changes():
    assert changes(["(NET", ")"]) == (0, 0)
