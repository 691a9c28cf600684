"""Synthesis with Yosys: what a design takes of a chip, and how deep its logic is between registers."""

from boards.synthesis.errors import SynthesisError
from boards.synthesis.result import LogicPath, ModuleSynthesis, Synthesis
from boards.synthesis.run import synthesize

__all__ = ["LogicPath", "ModuleSynthesis", "Synthesis", "SynthesisError", "synthesize"]
