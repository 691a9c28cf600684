"""The rules that keep the tree readable, enforced on its syntax alone: nothing is imported or run."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

EVERYTHING = {"boards", "compiler", "hdl", "models", "sim"}
STAGES = {
    "boards",
    "compiler.emit",
    "compiler.exact_vectors",
    "compiler.execute",
    "compiler.frames",
    "compiler.frontend",
    "compiler.ir",
    "compiler.lowering",
    "compiler.passes",
    "compiler.provenance",
    "compiler.report",
    "compiler.scheduler",
    "compiler.steps",
    "hdl",
    "sim",
}
"""What `compiler.pipeline` strings together."""

MAY_IMPORT = {
    "boards": {"hdl", "sim"},
    "hdl": set(),
    "sim": {"hdl"},
    "compiler.errors": set(),
    "compiler.nn": set(),
    "compiler.ir": {"hdl.numerics"},
    "compiler.frontend": {"compiler.ir", "compiler.nn"},
    "compiler.execute": {"compiler.ir", "hdl.numerics"},
    "compiler.frames": {"compiler.ir", "hdl.numerics"},
    "compiler.passes": {"compiler.ir", "compiler.execute", "hdl", "boards"},
    "compiler.lowering": {"compiler.ir", "hdl"},
    "compiler.emit": {"compiler.ir", "hdl", "sim"},
    # Reads figures off what lowering made, so that no number is typed twice; the page sees only a dict.
    "compiler.report": {"compiler.ir", "compiler.lowering", "hdl", "boards"},
    "compiler.scheduler": {"compiler.ir", "compiler.lowering", "compiler.passes", "hdl", "boards"},
    "compiler.exact_vectors": {
        "compiler.execute", "compiler.frames", "compiler.frontend", "compiler.ir", "compiler.telling_frames",
        "sim",
    },
    "compiler.telling_frames": {"compiler.execute", "compiler.frames", "compiler.ir"},
    "compiler.provenance": set(),
    "compiler.steps": set(),
    "compiler.bitstream": {"boards", "compiler.emit", "compiler.report", "sim"},
    "compiler.bundle": STAGES | {"compiler.bitstream"},
    "compiler.pipeline": STAGES | {"compiler.bundle"},
    "compiler.weights": STAGES | {"compiler.bundle", "compiler.pipeline"},
    "compiler.__init__": {"compiler.pipeline", "compiler.bundle"},
    "compiler.command_line": {"sim"},
    "compiler.__main__": {
        "compiler.bundle", "compiler.command_line", "compiler.pipeline", "compiler.weights", "boards",
    },
    "models": {"compiler.nn"},
    "benchmarks": EVERYTHING,
}
"""Which of our folders and modules each may import, besides itself. A new folder needs a line here."""

FOR_ALL_OF_THE_COMPILER = "compiler.errors"

WALLS = {
    "amaranth": {"hdl", "sim", "boards", "compiler.emit", "benchmarks"},
    "cocotb": {"sim"},
    "cocotb_tools": {"sim"},
    "jinja2": {"compiler.report"},
    "pyosys": {"compiler.emit", "hdl", "boards", "benchmarks"},
    "subprocess": {"sim", "boards", "benchmarks"},
    "torch": {"compiler.frontend", "compiler.nn", "models", "benchmarks"},
}
"""Where each outside module may be imported."""

MOST_LINES = 250
MOST_LINES_OF_A_TEST = 300
MOST_LINES_OF_A_FUNCTION = 40
MOST_LINES_OF_AN_ELABORATE = 80


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


SOURCES = files("benchmarks", "boards", "compiler", "hdl", "models", "sim")
TESTS = files("tests")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    """Return the dotted name; of a top folder's `__init__.py` with the `__init__`, to tell it apart."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def unit_of(module: str) -> str | None:
    """Return the row of `MAY_IMPORT` that a module belongs to: the longest one that begins its name."""
    if module == "compiler":
        return "compiler.__init__"
    rows = [row for row in MAY_IMPORT if module == row or module.startswith(row + ".")]
    return max(rows, key=len, default=None)


def imports(path: Path, *, at_run_time: bool = False) -> Iterator[tuple[str, int]]:
    """Yield every module that a file imports, wherever in the file, and the line."""
    for node in ast.walk(syntax(path)):
        if at_run_time and node in only_for_types(path):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name_of(path)}:{node.lineno}: imports are absolute here"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if is_module(whole) else node.module), node.lineno


@cache
def only_for_types(path: Path) -> frozenset[ast.AST]:
    """Return what stands under `if TYPE_CHECKING`: it names types, and loads nothing."""
    blocks = [node for node in ast.walk(syntax(path)) if isinstance(node, ast.If)]
    typing = [block for block in blocks if getattr(block.test, "id", None) == "TYPE_CHECKING"]
    return frozenset(node for block in typing for child in block.body for node in ast.walk(child))


def is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").exists() or place.is_dir()


def begins(module: str, prefixes: set[str]) -> bool:
    return any(module == prefix or module.startswith(prefix + ".") for prefix in prefixes)


def test_every_source_file_belongs_to_a_row_of_the_table():
    assert [name_of(path) for path in SOURCES if unit_of(module_of(path)) is None] == []


def test_folders_import_only_what_the_table_allows():
    faults = []
    for path in SOURCES:
        unit = unit_of(module_of(path))
        allowed = MAY_IMPORT[unit] | {unit}
        if unit.startswith("compiler"):
            allowed.add(FOR_ALL_OF_THE_COMPILER)
        for module, line in imports(path):
            if begins(module, EVERYTHING | {"benchmarks", "tests"}) and not begins(module, allowed):
                faults.append(f"{name_of(path)}:{line}: {unit} may not import {module}")
    assert faults == []


def test_outside_modules_stay_behind_their_walls():
    faults = []
    for path in SOURCES:
        for module, line in imports(path, at_run_time=True):
            allowed = WALLS.get(module.partition(".")[0])
            if allowed is not None and unit_of(module_of(path)) not in allowed:
                faults.append(f"{name_of(path)}:{line}: {module} belongs in {', '.join(sorted(allowed))}")
    assert faults == []


def test_folders_do_not_import_each_other_in_circles():
    edges: dict[str, set[str]] = {}
    for path in SOURCES:
        unit = unit_of(module_of(path))
        targets = {unit_of(module) for module, _ in imports(path)}
        edges.setdefault(unit, set()).update(targets - {unit, None})
    while leaves := {unit for unit, targets in edges.items() if not targets & edges.keys()}:
        edges = {unit: targets for unit, targets in edges.items() if unit not in leaves}
    assert edges == {}, "these import each other"


@pytest.mark.parametrize(("paths", "limit"), [(SOURCES, MOST_LINES), (TESTS, MOST_LINES_OF_A_TEST)])
def test_files_are_short_enough_to_read_in_one_go(paths, limit):
    lines = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    assert {name: count for name, count in lines.items() if count > limit} == {}


def test_functions_fit_on_a_screen():
    faults = {}
    for path in SOURCES:
        for function in functions(path):
            limit = MOST_LINES_OF_AN_ELABORATE if function.name == "elaborate" else MOST_LINES_OF_A_FUNCTION
            if (lines := lines_of_code(function)) > limit:
                faults[f"{name_of(path)} {function.name}"] = lines
    assert faults == {}


def lines_of_code(function: ast.FunctionDef) -> int:
    """Return the lines of a function that are neither signature nor docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def exported(tree: ast.Module) -> list[str]:
    """Return the names in `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "__all__" for target in node.targets):
            return ast.literal_eval(node.value)
    return []


def defined(tree: ast.Module) -> set[str]:
    """Return the names that a module defines or imports, also under an `if` or a `try`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def test_exported_names_exist_once():
    faults = []
    for path in SOURCES:
        names, known = exported(syntax(path)), defined(syntax(path))
        # A module with `__getattr__` finds its names when they are asked for.
        missing = set() if "__getattr__" in known else set(names) - known
        faults += [f"{name_of(path)}: {name} does not exist" for name in missing]
        faults += [f"{name_of(path)}: {name} stands twice" for name in set(names) if names.count(name) > 1]
    assert faults == []


def functions(path: Path) -> list[ast.FunctionDef]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [node for node in ast.walk(syntax(path)) if isinstance(node, kinds)]


def called(node: ast.AST) -> set[str]:
    """Return the last part of the name of everything that is called within."""
    targets = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    names = [getattr(target, "id", None) or getattr(target, "attr", None) for target in targets]
    return {name for name in names if name}


def checking_functions() -> set[str]:
    """Return the names of functions in tests that check something, themselves or through another."""
    bodies = [function for path in TESTS for function in functions(path)]
    checking = {"raises", "warns", "assert_array_equal", "assert_allclose", "assert_equal"}
    checking |= {f.name for f in bodies if any(isinstance(node, ast.Assert) for node in ast.walk(f))}
    while more := {f.name for f in bodies if f.name not in checking and called(f) & checking}:
        checking |= more
    return checking


def test_every_test_checks_something():
    checking = checking_functions()
    tests = [(path, f) for path in TESTS for f in functions(path) if f.name.startswith("test")]
    assert tests
    assert [f"{name_of(path)}:{f.lineno} {f.name}" for path, f in tests if f.name not in checking] == []


def test_a_test_is_skipped_only_for_a_stated_lack():
    faults = []
    for path in TESTS:
        for node in ast.walk(syntax(path)):
            if not isinstance(node, ast.Call):
                continue
            kind = getattr(node.func, "attr", "")
            reasoned = kind == "skipif" and any(keyword.arg == "reason" for keyword in node.keywords)
            if kind in {"skip", "skipif", "xfail", "importorskip"} and not reasoned:
                faults.append(f"{name_of(path)}:{node.lineno}: {kind}")
    assert faults == []
