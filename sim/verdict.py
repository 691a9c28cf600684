"""The verdict on a build directory, as one line and as `sim/results.json`."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.contract import Prediction
from sim.faults import FaultResult
from sim.judge import Fault, Timing
from sim.locate import Difference

__all__ = ["Failure", "PatternResult", "Verdict", "write_verdict"]


@dataclass(frozen=True)
class PatternResult:
    """All vectors under one stall pattern."""

    pattern: str
    vectors: int
    mismatches: int
    cycles: int
    seconds: float
    fault: Fault | None


@dataclass(frozen=True)
class Failure:
    """The first fault, explained: under which pattern, and where in the design it began if known."""

    pattern: str
    fault: Fault
    difference: Difference | None
    stalled: str | None

    def __str__(self) -> str:
        where = f"frame {self.fault.frame}, stall pattern {self.pattern}"
        output = f"{self.fault.what} at cycle {self.fault.cycle}"
        if self.difference and self.difference.cycle == self.fault.cycle:
            return f"{where}: {self.difference}"  # the fault is on the internal stream itself
        if self.difference:
            return f"{where}: {self.difference}; at the output: {output}"
        return f"{where}: {output}" + (f"; {self.stalled}" if self.stalled else "")


@dataclass(frozen=True)
class Verdict:
    """What a verification found out.

    `timing` is measured under the pattern "none", and None where that did not run or did not finish;
    `waves` is the wave file, relative to the build directory; `faults` is what became of faults in time, if
    those were asked for.
    """

    vectors: int
    patterns: tuple[PatternResult, ...]
    predicted: Prediction
    timing: Timing | None
    failure: Failure | None
    waves: str | None
    simulator: str
    faults: tuple[FaultResult, ...] = ()

    @property
    def bit_exact(self) -> bool:
        """Whether all that was compared was right under every pattern, and no stream rule broken."""
        return self.failure is None

    @property
    def passed(self) -> bool:
        """Whether the design is bit-exact, as fast as predicted, and recovered from every fault."""
        on_time = self.timing is None or self.timing.holds
        return self.bit_exact and on_time and not any(result.fault for result in self.faults)

    @property
    def mismatches(self) -> int:
        """Wrong or missing frames, over all patterns."""
        return sum(result.mismatches for result in self.patterns)

    @property
    def line(self) -> str:
        """The verdict in one line."""
        waves = f"; waves: {self.waves}" if self.waves else ""
        if self.failure:
            wrong = max(result.mismatches for result in self.patterns)
            return f"not bit-exact: {wrong}/{self.vectors} vectors wrong; first: {self.failure}{waves}"
        count = len(self.patterns)
        exact = f"{self.vectors}/{self.vectors} vectors × {count} stall pattern{'s' if count > 1 else ''}"
        return f"bit-exact: {exact}{self._timing_text()}{self._faults_text()}{waves}"

    def _faults_text(self) -> str:
        if not self.faults:
            return ""
        wrong = next((result for result in self.faults if result.fault), None)
        if wrong:
            return f", but not after {wrong}"
        return f", recovered from {sum(result.faults for result in self.faults)} faults in time"

    def _timing_text(self) -> str:
        if self.timing is None:
            return ""
        name, measured, predicted = "interval", self.timing.interval_cycles, self.predicted.interval_cycles
        late = self.timing.latency_cycles > self.predicted.latency_cycles
        off = self.predicted.latency_exact and self.timing.latency_cycles != self.predicted.latency_cycles
        if measured is None or late or (off and measured == predicted):
            name, measured, predicted = "latency", self.timing.latency_cycles, self.predicted.latency_cycles
        if not self.timing.holds:
            return f", but {name} {measured} cycles where {predicted} were predicted"
        how = "as predicted" if measured == predicted else f"within the {predicted} predicted"
        return f", {name} {measured} cycles {how}"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for `sim/results.json` and the report."""
        timing = self.timing
        return {
            "passed": self.passed,
            "line": self.line,
            "bit_exact": {
                "vectors": self.vectors,
                "mismatches": self.mismatches,
                "stall_patterns": [result.pattern for result in self.patterns],
                "simulator": self.simulator,
            },
            "interval_cycles": {
                "predicted": self.predicted.interval_cycles,
                "simulated": timing and timing.interval_cycles,
                "simulated_max": timing and timing.interval_max,
                "simulated_mean": timing and timing.interval_mean,
            },
            "latency_cycles": {
                "predicted": self.predicted.latency_cycles,
                "simulated": timing and timing.latency_cycles,
            },
            "prediction": {**vars(self.predicted), "holds": timing and timing.holds},
            "patterns": [
                {**vars(result), "fault": result.fault and vars(result.fault)} for result in self.patterns
            ],
            "faults": [result.to_json() for result in self.faults],
            "failure": self.failure and _failure_to_json(self.failure),
            "waves": self.waves,
        }


def _failure_to_json(failure: Failure) -> dict[str, Any]:
    return {
        "pattern": failure.pattern,
        "text": str(failure),
        "output": vars(failure.fault),
        "difference": failure.difference and vars(failure.difference),
        "stalled": failure.stalled,
    }


def write_verdict(directory: Path, verdict: Verdict) -> None:
    """Write `sim/results.json`, whole or not at all."""
    folder = directory / "sim"
    folder.mkdir(exist_ok=True)
    partial = folder / f"results-{os.getpid()}.partial"
    try:
        partial.write_text(json.dumps(verdict.to_json(), indent=2) + "\n")
        os.replace(partial, folder / "results.json")
    finally:
        partial.unlink(missing_ok=True)
