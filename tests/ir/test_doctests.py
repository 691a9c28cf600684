import doctest
from importlib import import_module

import pytest

MODULES = [
    "compiler.execute.compare",
    "compiler.execute.products",
    "compiler.ir.intervals",
    "compiler.ir.shapes",
    "compiler.ir.text",
    "compiler.passes.number_formats",
    "compiler.passes.signed_digits",
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_hold(module):
    results = doctest.testmod(import_module(module))
    assert results.attempted and not results.failed
