"""Pickles made to harm: none is executed, all are refused in words, memory stays bounded."""

import random
import struct
import tracemalloc
from pathlib import Path

import pytest

from benchmarks.forgery import (
    LINEAR,
    WEIGHTS,
    archive,
    dictionary,
    honest_file,
    integer,
    layer,
    linear_model,
    pickled,
    tensor,
    text,
)
from compiler.frontend import examine, load
from tests.frontend.refusals import refusal

SENTINEL = "zeroskip-was-here"


def test_the_honest_file_loads(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(honest_file())
    assert [node.kind for node in load(path)] == ["Linear"]


def _command(directory: Path) -> bytes:
    return text(f"touch {directory / SENTINEL}")


CODE_ROUTES = {
    "reduce": lambda run: b"cposix\nsystem\n(" + run + b"tR",
    "reduce-nt": lambda run: b"cnt\nsystem\n(" + run + b"tR",
    "reduce-eval": lambda run: b"c__builtin__\neval\n(" + run + b"tR",
    "reduce-getattr": lambda run: b"cbuiltins\ngetattr\n(cos\nsystem\n" + run + b"tR",
    "reduce-subprocess": lambda run: b"csubprocess\nPopen\n(" + run + b"tR",
    "reduce-import": lambda run: b"c__builtin__\n__import__\n(" + run + b"tR",
    "reduce-torch-hub": lambda run: b"ctorch.hub\nload\n(" + run + b"tR",
    "reduce-unsafe-torch": lambda run: b"ctorch.serialization\nload\n(" + run + b"tR",
    "reduce-dotted": lambda run: b"ctorch.nn.modules\nos.system\n(" + run + b"tR",
    "reduce-pretends-layer": lambda run: b"cposix.Conv2d\nsystem\n(" + run + b"tR",
    "stack-global": lambda run: text("posix") + text("system") + b"\x93(" + run + b"tR",
    "stack-global-memo": lambda run: text("posix") + b"q\x01" + text("system") + b"\x93(" + run + b"tR",
    "inst": lambda run: b"(" + run + b"iposix\nsystem\n",
    "obj": lambda run: b"(cposix\nsystem\n" + run + b"o",
    "newobj": lambda run: b"cposix\nsystem\n(" + run + b"t\x81",
    "newobj-ex": lambda run: b"cposix\nsystem\n(" + run + b"t}\x92",
    "newobj-layer-arguments": lambda run: b"ctorch.nn\nLinear\n(" + run + b"t\x81",
    "build-setstate": lambda run: layer("builtins", "object", {"__setstate__": b"cos\nsystem\n"}),
    "build-layer-class": lambda run: layer(LINEAR, "Linear", {"__class__": b"cos\nsystem\n", "x": run}),
    "build-layer-forward": lambda run: layer(LINEAR, "Linear", {"forward": b"cos\nsystem\n", "x": run}),
    "build-slots": lambda run: b"ctorch.nn\nLinear\n)\x81(N" + run + b"tb",
    "ext1": lambda run: b"\x82\x01(" + run + b"tR",
    "ext2": lambda run: b"\x83\x01\x00(" + run + b"tR",
    "ext4": lambda run: b"\x84\x01\x00\x00\x00(" + run + b"tR",
    "persistent-id": lambda run: b"Pposix system\n",
    "persistent-id-code": lambda run: b"(" + text("storage") + b"cposix\nsystem\n" + run * 2 + b"K\x01tQ",
    "storage-of-code": lambda run: b"(" + text("module") + b"cposix\nsystem\n" + run + b"tQ",
    "dict-subclass": lambda run: b"ccollections\ndefaultdict\n(cposix\nsystem\ntR" + run + b"K\x01s",
    "hidden-in-hook": lambda run: layer(LINEAR, "Linear", {"_hooks": b"cos\nsystem\n(" + run + b"tR"}),
    "hidden-in-key": lambda run: b"}(cposix\nsystem\n(" + run + b"tRK\x01u",
    "set-of-code": lambda run: b"c__builtin__\nset\n(cposix\nsystem\n(" + run + b"tRtR",
    "buffer": lambda run: b"\x97\x98" + run,
}


@pytest.mark.parametrize("route", CODE_ROUTES)
def test_no_route_runs_code(route, tmp_path):
    body = CODE_ROUTES[route](_command(tmp_path))
    for pickle in (pickled(body), pickled(b"(" + body + b"t"), pickled(dictionary({"state_dict": body}))):
        refusal(tmp_path, archive(pickle, WEIGHTS))
    assert not (tmp_path / SENTINEL).exists()


def test_every_name_that_is_not_allowed_is_listed(tmp_path):
    body = b"(cposix\nsystem\ncmodels.mine\nGabor\nctorch.nn.modules.activation\nSELU\nt"
    message = refusal(tmp_path, archive(pickled(body)))
    assert "posix.system, models.mine.Gabor:" in message
    assert "nothing was run" in message
    assert "torch.save(model, 'model.pt')" in message


BOMBS = {
    "memo-index": (b"Nr\xff\xff\xff\x7f", "neither a module nor a dict"),
    "memo-get": (b"j\xff\xff\xff\x7f", "recalls what it never remembered"),
    "long4": (b"\x8b\xff\xff\xff\x7f", "instruction LONG4"),
    "long4-negative": (b"\x8b\xff\xff\xff\xff", "instruction LONG4"),
    "long4-sane": (b"\x8b\x01\x00\x00\x00\x07", "LONG4"),
    "big-integer": (integer(1 << 2000), "more than 64 bits"),
    "minimum-integer": (integer(-1 << 63), "more than 64 bits"),
    "text-integer": (b"I" + b"9" * 5000 + b"\n", "instruction INT"),
    "text-long": (b"L" + b"9" * 5000 + b"L\n", "instruction LONG"),
    "unicode-length": (b"X\xff\xff\xff\xff", "damaged"),
    "unicode8-length": (b"\x8d" + b"\xff" * 7 + b"\x7f", "instruction BINUNICODE8"),
    "bytes8-length": (b"\x8e" + b"\xff" * 7 + b"\x7f", "instruction BINBYTES8"),
    "bytearray8-length": (b"\x96" + b"\xff" * 7 + b"\x7f", "instruction BYTEARRAY8"),
    "bytearray8-sane": (b"\x96" + struct.pack("<Q", 9) + bytes(9), "BYTEARRAY8"),
    "frame-length": (b"\x95" + b"\xff" * 7 + b"\x7fN", "neither a module nor a dict"),
    "long-text": (text("x" * 70_000), "more than 65536 characters"),
    "deep-lists": (b"(" + b"]" * 100_000 + b"a" * 99_999 + b"l", "instruction LIST"),
    "deep-tuples": (b"N" + b"\x85" * 100_000, "neither a module nor a dict"),
    "deep-marks": (b"(" * 100_000, "takes more from its stack"),
    "too-many": (b"N" * 400_001, "more than 400000 instructions"),
    "duplicate": (b"N2", "DUP"),
    "pop": (b"N0", "POP"),
    "empty-stack": (b"", "takes more from its stack"),
    "no-mark": (b"t", "takes more from its stack"),
    "append-to-nothing": (b"Na", "not a list"),
    "odd-items": (b"}(Nu", "key without a value"),
    "unhashable-key": (b"}]Ns", "neither text nor a number"),
    "global-number": (b"K\x01K\x02\x93", "not text"),
    "call-number": (b"K\x01)R", "calls something"),
    "create-number": (b"K\x01)\x81", "not a layer"),
    "build-number": (b"K\x01}b", "not a layer"),
    "set-of-number": (b"c__builtin__\nset\n(K\x01tR", "calls something"),
    "persistent-number": (b"K\x01Q", "refers to its storage"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_and_nonsense_are_refused(name, tmp_path):
    body, reason = BOMBS[name]
    tracemalloc.start()
    message = refusal(tmp_path, archive(pickled(body)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reason in message
    assert peak < 128 << 20


def _doubling(levels: int) -> bytes:
    """Nest Sequentials so that each holds the next one twice: 2**levels paths to the innermost."""
    body = layer("torch.nn", "Sequential", {})
    for _ in range(levels):
        inner = body + b"q\x01"
        body = layer("torch.nn", "Sequential", {"_modules": dictionary({"a": inner, "b": b"h\x01"})})
    return body


def test_containers_that_multiply_are_refused(tmp_path):
    assert "more than 1000 layers" in refusal(tmp_path, archive(pickled(_doubling(50))))


def test_a_container_inside_itself_is_refused(tmp_path):
    body = b"ctorch.nn\nSequential\n)\x81q\x01" + dictionary({"_modules": dictionary({"a": b"h\x01"})}) + b"b"
    assert "levels" in refusal(tmp_path, archive(pickled(body)))


def test_truncated_files_are_refused(tmp_path):
    content = honest_file()
    for length in range(0, len(content), max(1, len(content) // 100)):
        refusal(tmp_path, content[:length])


def test_truncated_pickles_are_refused(tmp_path):
    pickle = linear_model(tensor((2, 2), (2, 1)))
    for length in range(0, len(pickle), 3):
        refusal(tmp_path, archive(pickle[:length], WEIGHTS))


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_never_crash_the_reader(seed, tmp_path):
    source = random.Random(seed)
    path = tmp_path / "model.pt"
    pickle = linear_model(tensor((2, 2), (2, 1)))
    for _ in range(150):
        changed = bytearray(pickle)
        for _ in range(source.choice((1, 1, 2, 8))):
            changed[source.randrange(len(changed))] = source.randrange(256)
        path.write_bytes(archive(bytes(changed), WEIGHTS))
        examination = examine(path)
        assert (examination.graph is None) == bool(examination.problems)
        flipped = bytearray(honest_file())
        flipped[source.randrange(len(flipped))] ^= 1 << source.randrange(8)
        path.write_bytes(flipped)
        examination = examine(path)
        assert (examination.graph is None) == bool(examination.problems)


@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_are_refused(seed, tmp_path):
    source = random.Random(seed)
    for _ in range(20):
        noise = source.randbytes(source.randrange(1, 300))
        refusal(tmp_path, noise)
        refusal(tmp_path, b"PK\x03\x04" + noise)
        refusal(tmp_path, archive(noise))
