"""What a synthesis found of a build, in its report."""

from dataclasses import asdict
from typing import Any

from boards.synthesis import ModuleSynthesis, Synthesis
from boards.synthesis.result import DEPTH_KIND
from compiler.report.summary import Json

__all__ = ["add_synthesis"]

SOURCE = "synthesized"
MOST_LEVELS = 8
"""Levels of logic between registers that an assumed clock is taken to allow."""

TOP = "top"


def add_synthesis(report: Json, found: Synthesis) -> Json:
    """Return the report with resources and depth, of the stages and of the whole design."""
    modules = {module.name: module for module in found.modules}
    placed = {_module_of(stage["name"], modules) for stage in report["stages"]}
    return {
        **report,
        "resources": {**found.resources, "source": SOURCE},
        "depth": {**asdict(found.path), "goal": MOST_LEVELS},
        "stages": [_stage(stage, modules) for stage in report["stages"]],
        "synthesis": {
            "tool": found.tool,
            "command": found.command,
            "depth_kind": DEPTH_KIND,
            "seconds": round(sum(module.seconds for module in found.modules), 1),
            "elsewhere": _elsewhere(modules, placed),
        },
    }


def _module_of(stage: str, modules: dict[str, ModuleSynthesis]) -> str | None:
    """Return the module of a stage; ingress and egress are parts of the top module."""
    return next((name for name in (stage, f"{TOP}/{stage}") if name in modules), None)


def _stage(stage: Json, modules: dict[str, ModuleSynthesis]) -> Json:
    name = _module_of(stage["name"], modules)
    if name is None:
        return stage
    module = modules[name]
    depth = None if "/" in name else {**asdict(module.path), "delay_ps": module.delay_ps}
    return {**stage, "resources": {**module.resources, "source": SOURCE}, "depth": depth}


def _elsewhere(modules: dict[str, ModuleSynthesis], placed: set[str | None]) -> dict[str, Any]:
    """Return what the top module takes beside the parts of it that are stages."""
    parts = [modules[name].resources for name in placed if name and name.startswith(f"{TOP}/")]
    own = modules[TOP].resources
    return {resource: own[resource] - sum(part[resource] for part in parts) for resource in own}
