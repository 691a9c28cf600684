"""The parts of the command line: what it accepts, what it prints, what `doctor` looks for."""
