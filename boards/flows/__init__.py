"""From a build directory to what a board loads: one module a kind of board, each with a class of flow."""

from boards.flows.flow import Flow, FlowError, Implementation, Job, build_number

__all__ = ["Flow", "FlowError", "Implementation", "Job", "build_number"]
