"""What a host needs to know of a shell: the contents of `card.json`, see `boards/host/card_frames.py`."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hdl.axi.frame_layout import FrameLayout
from hdl.axi.kernel_control import ControlConfig
from hdl.axi.memory_frames import VERSION

__all__ = ["card_facts"]


def card_facts(
    directory: Path, interface: Mapping[str, Any], layouts: tuple[FrameLayout, FrameLayout],
    control: ControlConfig, flags: tuple[str, ...],
) -> dict[str, Any]:  # fmt: skip
    """Return the facts about a build directory in a shell with this control and these flags."""
    with zipfile.ZipFile(directory / "integer_graph.npz") as archive:
        graph = json.loads(archive.read("graph.json"))
    ports = {
        name: {
            **interface[name],
            "columns": interface[name].get("columns", 1),
            "slot_bytes": layout.slot_bits // 8,
            "frame_bytes": layout.bytes,
        }
        for name, layout in zip(("input", "output"), layouts, strict=True)
    }
    return {
        **ports,
        "normalize": graph["normalize"],
        "output_scale": graph["output_scale"],
        "version": VERSION,
        "registers": {name: [control.offsets[name], bits] for name, bits in control.arguments},
        "results": {name: [control.offsets[name], bits] for name, bits in control.results},
        "flags": list(flags),
        "stuck": list(interface.get("stuck", [])),
        "loading": {name: control.offsets[name] for name, _ in (*control.settings, *control.states)},
    }
