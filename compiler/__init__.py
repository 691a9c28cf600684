"""zeroskip: from a trained sparse network to hardware that skips zeros.

>>> import compiler                                             # doctest: +SKIP
>>> bundle = compiler.build("model.pt", board="u250")           # doctest: +SKIP
>>> bundle.verify().passed                                      # doctest: +SKIP
True

What follows is imported when it is first used, so that `compiler.nn` trains where no hardware tool is.
"""

import importlib
from typing import Any

__all__ = [
    "Bundle",
    "CompilerError",
    "DoesNotFit",
    "InvalidGraph",
    "Problem",
    "ToolFailed",
    "UnsupportedModel",
    "build",
    "check",
    "inspect",
]

_HOMES = {"Bundle": "compiler.bundle"} | {name: "compiler.pipeline" for name in ("build", "check", "inspect")}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'compiler' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "compiler.errors")), name)
