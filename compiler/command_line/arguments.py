"""What the command line accepts, and the help that teaches it."""

import argparse
import shlex
import sys
from pathlib import Path

__all__ = ["STALLS", "parse_arguments"]

STALLS = ("none", "source", "sink", "both")
"""Stall patterns: which side of the design pauses at random."""

DESCRIPTION = """\
Compile a trained sparse network to hardware that skips its zeros, and prove that it answers
as PyTorch does, bit for bit."""

EXAMPLES = """\
a first session:
  %(prog)s doctor                             is everything installed?
  %(prog)s check model.pt                     can this network be compiled?
  %(prog)s build model.pt --board u250        Verilog, vectors and a report
  %(prog)s verify build/model-u250            simulate the Verilog on the vectors
  %(prog)s synth build/model-u250             what it takes of the chip

Every command takes --json, which prints one JSON value on stdout and nothing else there.
Exit status: 0 done; 1 something is wrong, a line each on stderr; 2 the command was misspelt; 130 Ctrl-C.
Each command has its own help: %(prog)s build --help"""

BUILD_EXAMPLES = """\
examples:
  %(prog)s model.pt --board u250
      made-up frames serve as vectors; one instance, folded to make the best use of what it takes
  %(prog)s model.pt --board ecp5-85f --interval 2000 -o build/small
      at most 2,000 cycles between frames, in as little hardware as that takes
  %(prog)s model.pt --board u250 --rate 2000000
      two million frames a second, in as few and as small instances as that takes
  %(prog)s model.pt --board u250 --samples test.npz --verify
      vectors and accuracy from test.npz (x: frames, y: labels), then `verify`

frames in an .npz file are float, as the network takes them, or uint8 features if the model begins with
compiler.nn.Normalize. An earlier build in DIR is replaced; anything else there is left alone."""

VERIFY_EXAMPLES = """\
examples:
  %(prog)s build/model-u250
      every stored vector under every stall pattern
  %(prog)s build/model-u250 --vectors 10 --stall none --waves
      a quick look, with a wave file of the first frame
  %(prog)s build/model-u250 --faults
      faults in time, too: streams held up inside the design, resets in mid frame, frames cut short, too long
      or without an end, silence; after each the next whole frame must be right

the last line is the verdict. When a logit differs, it names the first layer, channel, position and cycle
at which the hardware left the exact network, and the wave file that shows it."""

SYNTH_EXAMPLES = """\
examples:
  %(prog)s build/model-u250
      what each stage takes of the chip, and how many levels of logic stand between its registers

Yosys maps every stage for the family of the build's board, in a process of its own; nothing is placed, so
the clock stays what it was. Results go into the report. A stage that was synthesized before, in whatever
directory, comes from ~/.cache/zeroskip; after Ctrl-C a second run goes on from there."""

BITSTREAM_EXAMPLES = """\
examples:
  %(prog)s build/model-ulx3s-85f
      what the board loads, with the clock that its slowest path allows
  %(prog)s build/model-ulx3s-85f --clock 80 --tries 4
      aim for 80 MHz, routing up to four placements until one reaches them; else take the fastest

netlists and routed designs are kept in the cache of the user, so that an interrupted run goes on where it
was. Where a vendor's tool is needed and absent, the error is the command to run, and where."""

WEIGHTS_EXAMPLES = """\
examples:
  %(prog)s build/model-ulx3s-85f retrained.pt
      check that the new weights fit, and write build/model-ulx3s-85f-retrained
  python -m compiler verify build/model-ulx3s-85f-retrained
      prove that they fit: the Verilog of the build with the new weights in its memories
  python -m boards.host build/model-ulx3s-85f-retrained --port /dev/ttyUSB0
      load them into a board that holds the build, and let it test itself

DIR must have been built with --reloadable. Weights and biases of layers that skip zeros can be loaded; layers
that are built as wires are fixed, and must be in MODEL what they are in DIR. Number formats, and everything
else that follows from weights, must be the same, and the nonzeros must fit into the memories: otherwise the
error says what does not, layer by layer."""

CHECK_EXAMPLES = """\
examples:
  %(prog)s model.pt
  %(prog)s model.pt --input-shape 1,28,28
      for networks whose input shape does not follow from their layers

every problem is listed at once, each with its layer and what to do about it. The file is read, never
executed."""


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer, not {text!r}")
    return number


def _clock(text: str) -> float:
    try:
        clock = float(text)
    except ValueError:
        clock = 0.0
    if not 10 <= clock <= 1000:
        raise argparse.ArgumentTypeError(f"must be a number of MHz from 10 to 1000, not {text!r}")
    return clock


def _shape(text: str) -> tuple[int, ...]:
    sizes = tuple(int(size) if size.strip().isdecimal() else 0 for size in text.split(","))
    if len(sizes) != 3 or min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"must be C,H,W such as 1,32,32, not {text!r}")
    return sizes


def _stalls(text: str) -> tuple[str, ...]:
    stalls = STALLS if text == "all" else tuple(text.split(","))
    if not set(stalls) <= set(STALLS):
        raise argparse.ArgumentTypeError(f"must be all or some of {','.join(STALLS)}, not {text!r}")
    return stalls


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line.

    Besides what was given they hold `command`, the command's name, and `command_text`, the line to
    type to run it again. Leaves with status 2 and a line on stderr if the line makes no sense.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    options.command_text = shlex.join(["python", "-m", "compiler", *arguments])
    return options


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON value on stdout, for programs")
    common.add_argument("--traceback", action="store_true", help="show where an error came from")
    parser = argparse.ArgumentParser(
        prog="python -m compiler",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, summary: str, examples: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            parents=[common],
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    _add_build(add("build", "turn a trained network into a build directory", BUILD_EXAMPLES))
    _add_verify(add("verify", "simulate a build's Verilog and compare every output bit", VERIFY_EXAMPLES))
    _add_synth(add("synth", "synthesize a build's Verilog, stage by stage", SYNTH_EXAMPLES))
    _add_bitstream(add("bitstream", "make of a build what its board loads", BITSTREAM_EXAMPLES))
    _add_weights(
        add("weights", "make of another checkpoint what loads its weights into a build", WEIGHTS_EXAMPLES)
    )
    check = add("check", "say whether a model can be compiled, and what to change if not", CHECK_EXAMPLES)
    check.add_argument("model", metavar="MODEL", type=Path, help="a .pt file")
    _add_input_shape(check)
    inspect = add("inspect", "show the layers, shapes, sparsity and work of a model or a build")
    inspect.add_argument("path", metavar="MODEL|DIR", type=Path, help="a .pt file or a build directory")
    _add_input_shape(inspect)
    add("boards", "list the boards that --board takes")
    add("doctor", "say what is installed, in which version, and what each missing thing would enable")
    return parser


def _add_input_shape(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input-shape", metavar="C,H,W", type=_shape, help="where it does not follow from the model"
    )


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", type=Path, help="a .pt file that torch.save wrote")
    parser.add_argument("--board", metavar="BOARD", required=True, help="see `boards`")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, help="build directory; build/MODEL-BOARD by default"
    )
    parser.add_argument(
        "--interval", metavar="CYCLES", type=_positive, help="most cycles between two frames of an instance"
    )
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument(
        "--instances", metavar="N", type=_positive, default=1, help="pipelines that share input and output"
    )
    speed.add_argument(
        "--rate", metavar="N", type=_positive, help="frames a second, with the least area that makes them"
    )
    speed.add_argument("--fill", action="store_true", help="as many instances as the board has room for")
    parser.add_argument(
        "--watchdog", action="store_true", help="hardware that tells a host where the design is stuck"
    )
    parser.add_argument(
        "--reloadable", action="store_true", help="keep sparse weights where `weights` can change them later"
    )
    parser.add_argument("--calibration", metavar="X.npz", type=Path, help="frames to choose formats by")
    parser.add_argument(
        "--samples", metavar="X.npz", type=Path, help="frames for vectors and, with labels y, accuracy"
    )
    _add_input_shape(parser)
    parser.add_argument("--verify", action="store_true", help="verify the build at once")


def _add_synth(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", type=Path, help="a build directory")
    parser.add_argument("--workers", metavar="N", type=_positive, default=2, help="stages at a time (2)")


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", type=Path, help="a build directory")
    parser.add_argument("--vectors", metavar="N", type=_positive, help="how many vectors; all by default")
    parser.add_argument(
        "--stall",
        metavar="PATTERN",
        type=_stalls,
        default=STALLS,
        help=f"{', '.join(STALLS)}, several with commas, or all (the default)",
    )
    parser.add_argument("--waves", action="store_true", help="keep a wave file of the first frame")
    faults = "stall inside, reset, and break frames: does it recover?"
    parser.add_argument("--faults", action="store_true", help=faults)


def _add_bitstream(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", type=Path, help="a build directory")
    parser.add_argument("--clock", metavar="MHZ", type=_clock, help="aim for it; the board's by default")
    parser.add_argument("--seed", metavar="N", type=_positive, default=1, help="of the first placement (1)")
    tries = "placements that nextpnr routes, at most, until the clock is reached (1)"
    parser.add_argument("--tries", metavar="N", type=_positive, default=1, help=tries)


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", type=Path, help="a build with reloadable weights")
    parser.add_argument("model", metavar="MODEL", type=Path, help="a .pt file of the same network")
    parser.add_argument("-o", "--output", metavar="OUT", type=Path, help="what to write; or DIR-MODEL")
