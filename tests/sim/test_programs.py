"""Programs run side by side, are told of as they end, and none outlives whoever asked for them."""

import os
import sys
import time
from contextlib import closing

import pytest

from sim import programs
from sim.errors import SimulationError
from sim.programs import Program, run_program, run_programs

WAIT = "import os, time\nwhile not os.path.exists('../sleeper/number'): time.sleep(0.01)"
"""What a program does that is to end when the one that sleeps has started."""


def program(folder, code, name="program"):
    folder.mkdir(exist_ok=True)
    return Program(name, [sys.executable, "-S", "-c", code], folder, dict(os.environ))


def asleep(folder):
    """Return a program that tells its number and never ends by itself."""
    return program(folder, "import os, time; open('number', 'w').write(str(os.getpid())); time.sleep(60)")


def number_of(sleeper):
    path, end = sleeper.folder / "number", time.monotonic() + 20
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < end, "did not start in time"
        time.sleep(0.02)
    return int(path.read_text())


def ended(number):
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
    return True


def test_each_is_told_of_once_with_its_log(tmp_path):
    all_of_them = [program(tmp_path / str(n), f"print({n})") for n in range(5)]
    found = dict(run_programs(all_of_them))
    assert sorted(found) == [0, 1, 2, 3, 4] and all(seconds >= 0 for seconds in found.values())
    assert [each.log.read_text() for each in all_of_them] == [f"{n}\n" for n in range(5)]


def test_no_more_run_at_a_time_than_there_are_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "cores", lambda: 1)
    # Each would fail if it found another's mark.
    code = "import os, time; os.mkdir('../busy'); time.sleep(0.1); os.rmdir('../busy')"
    assert [n for n, _ in run_programs([program(tmp_path / str(n), code) for n in range(4)])] == [0, 1, 2, 3]


def test_one_that_fails_is_named_and_ends_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "cores", lambda: 2)
    sleeper = asleep(tmp_path / "sleeper")
    broken = program(tmp_path / "broken", f"import sys\n{WAIT}\nsys.exit('Error: full')", "broken")
    with pytest.raises(SimulationError, match="^broken: failed with status 1: Error: full$"):
        next(run_programs([sleeper, broken]))
    assert ended(number_of(sleeper))


def test_closing_ends_what_still_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(programs, "cores", lambda: 2)
    sleeper = asleep(tmp_path / "sleeper")
    with closing(run_programs([sleeper, program(tmp_path / "short", WAIT)])) as ends:
        assert next(ends)[0] == 1
        number = number_of(sleeper)
    assert ended(number)


def test_a_single_program_gives_its_log(tmp_path):
    assert run_program(program(tmp_path, "print('done')")).read_text() == "done\n"
