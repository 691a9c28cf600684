"""What a flow made of a build, in its report."""

from boards.flows import Implementation
from compiler.report.summary import Json

__all__ = ["add_implementation"]

SOURCE = "placed and routed"


def add_implementation(report: Json, found: Implementation) -> Json:
    """Return the report with what placing and routing found; throughput is stated at that clock."""
    clock = {"value": found.clock_mhz, "source": SOURCE}
    interval = report["interval_cycles"]["simulated"] or report["interval_cycles"]["predicted"]
    return {
        **report,
        "board": {**report["board"], "clock_mhz": found.clock_mhz, "clock_source": SOURCE},
        "clock_mhz": clock,
        "throughput": {
            **report["throughput"],
            "frames_per_second": found.clock_mhz * 1e6 / interval,
            "clock_source": SOURCE,
        },
        "implementation": {
            "bitstream": found.bitstream,
            "clock_mhz": {**clock, "reached": found.reached_mhz, "wanted": found.wanted_mhz},
            "resources": {
                name: {"used": used, "available": available, "source": SOURCE}
                for name, (used, available) in found.resources.items()
            },
            "tools": dict(found.tools),
            "seed": found.seed,
            "seconds": found.seconds,
        },
    }
