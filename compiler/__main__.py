"""The command line: reads arguments, calls the pipeline, prints. `python -m compiler --help` teaches it.

Exit status: 0 done; 1 something is wrong, a line each on stderr; 2 the command was misspelt; 128 + number
when a signal ended it, so 130 for Ctrl-C.
"""

import gc
import json
import os
import sys
import traceback
from argparse import Namespace
from dataclasses import asdict
from typing import Any

from boards import UnknownBoard
from boards.flows.process import unwound_by_signals
from compiler.command_line import printing
from compiler.command_line.arguments import parse_arguments
from compiler.errors import CompilerError

__all__ = ["main"]

DONE, WRONG, INTERRUPTED = 0, 1, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status; `arguments` default to those of the process."""
    options = parse_arguments(arguments)
    try:
        with unwound_by_signals():
            status = COMMANDS[options.command](options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print(f"{_clear_line()}interrupted; nothing was left half-written", file=sys.stderr)
        return INTERRUPTED
    except CompilerError as error:
        return _complain(options, error, [asdict(problem) for problem in error.problems])
    except UnknownBoard as error:
        return _complain(options, error, [vars(error)])
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WRONG
    except OSError as error:
        problem = {"where": str(error.filename or "system"), "what": error.strerror or str(error), "next": ""}
        return _complain(options, error, [problem])


def _complain(options: Namespace, error: Exception, problems: list[dict[str, str]]) -> int:
    """Print one line a problem on stderr and, with --json, an object on stdout."""
    if options.traceback:
        traceback.print_exception(error)
    for problem in problems:
        print(f"{_clear_line()}error: {printing.problem_line(problem)}", file=sys.stderr)
    if options.json:
        _print_json({"error": {"kind": type(error).__name__, "problems": problems}})
    return WRONG


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    print()


def _show(options: Namespace, value: Any, lines: list[str]) -> None:
    """Print a result: `value` with --json, else `lines`."""
    if options.json:
        _print_json(value)
    else:
        print("\n".join(lines))


def _clear_line() -> str:
    """Return what wipes the line of a running step, where stderr is a terminal that shows one."""
    return "\r\x1b[K" if sys.stderr.isatty() else ""


def _progress(step: str, seconds: float | None) -> None:
    """Show a step while it runs, if someone may be watching, and its seconds when it is done."""
    if seconds is not None:
        print(f"{_clear_line()}{step:<28}{seconds:8.1f} s", file=sys.stderr, flush=True)
    elif sys.stderr.isatty():
        print(f"{_clear_line()}{step} …", end="", file=sys.stderr, flush=True)


def _announce(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


def _build(options: Namespace) -> int:
    from compiler import pipeline

    bundle = pipeline.build(
        options.model,
        board=options.board,
        output=options.output,
        interval=options.interval,
        rate=options.rate,
        instances=options.instances,
        fill=options.fill,
        watchdog=options.watchdog,
        reloadable=options.reloadable,
        calibration=options.calibration,
        samples=options.samples,
        input_shape=options.input_shape,
        progress=_progress,
        command=options.command_text,
    )
    passed = bundle.verify(progress=_announce).passed if options.verify else True
    report = bundle.report
    _show(options, report, printing.build_lines(report, str(bundle.directory)))
    return DONE if passed else WRONG


def _verify(options: Namespace) -> int:
    from compiler.bundle import Bundle

    bundle = Bundle.open(options.directory)
    verdict = bundle.verify(
        vectors=options.vectors, stalls=options.stall, waves=options.waves, faults=options.faults,
        progress=_announce,
    )  # fmt: skip
    _show(options, verdict.to_json(), [verdict.line])
    return DONE if verdict.passed else WRONG


def _bitstream(options: Namespace) -> int:
    from compiler.bundle import Bundle

    bundle = Bundle.open(options.directory)
    bundle.bitstream(clock_mhz=options.clock, seed=options.seed, tries=options.tries, progress=_announce)
    report = bundle.report
    _show(options, report["implementation"], printing.bitstream_lines(report, str(bundle.directory)))
    return DONE


def _synth(options: Namespace) -> int:
    from compiler.bundle import Bundle

    bundle = Bundle.open(options.directory)
    found = bundle.synthesize(workers=options.workers, progress=_announce)
    _show(options, found.to_json(), printing.synthesis_lines(bundle.report))
    return DONE


def _weights(options: Namespace) -> int:
    from compiler.weights import reweight

    bundle = reweight(
        options.directory, options.model, output=options.output, progress=_progress,
        command=options.command_text,
    )  # fmt: skip
    found = {"directory": str(bundle.directory), **bundle.manifest["weights"], "fixed": bundle.fixed_layers}
    _show(options, found, printing.weights_lines(found, str(options.directory)))
    return DONE


def _check(options: Namespace) -> int:
    from compiler import pipeline

    examination = pipeline.check(options.model, input_shape=options.input_shape)
    problems = [asdict(problem) for problem in examination.problems]
    found = {"compilable": not problems, "problems": problems, "remarks": list(examination.remarks)}
    _show(options, found, printing.check_lines(str(options.model), found))
    return WRONG if problems else DONE


def _inspect(options: Namespace) -> int:
    from compiler import pipeline

    found = pipeline.inspect(options.path, input_shape=options.input_shape)
    _show(options, found, printing.inspect_lines(found))
    return DONE


def _boards(options: Namespace) -> int:
    from boards import all_boards

    found = [asdict(board) for board in all_boards()]
    _show(options, found, printing.board_lines(found))
    return DONE


def _doctor(options: Namespace) -> int:
    from compiler.command_line.doctor import examine_installation

    found = [asdict(finding) for finding in examine_installation()]
    _show(options, found, printing.doctor_lines(found))
    return WRONG if any(finding["version"] is None for finding in found) else DONE


COMMANDS = {
    "bitstream": _bitstream,
    "boards": _boards,
    "build": _build,
    "check": _check,
    "doctor": _doctor,
    "inspect": _inspect,
    "synth": _synth,
    "verify": _verify,
    "weights": _weights,
}


if __name__ == "__main__":
    # A build makes objects by the million, few of them in cycles: looked for less often than by default.
    gc.set_threshold(50_000, 50, 50)
    sys.exit(main())
