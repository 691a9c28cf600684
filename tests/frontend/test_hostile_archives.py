"""Archives and tensors that lie about names and sizes: nothing is unpacked, memory stays bounded."""

import io
import struct
import tracemalloc
import zipfile

import pytest

from benchmarks.forgery import (
    LINEAR,
    WEIGHTS,
    archive,
    dictionary,
    honest_file,
    layer,
    linear_model,
    pickled,
    tensor,
)
from compiler.frontend import load
from tests.frontend.refusals import refusal

LYING_TENSORS = {
    "shape-beyond": tensor((2, 3), (3, 1)),
    "huge-shape": tensor((1 << 39, 1 << 39), (1, 1)),
    "overflowing-shape": tensor((1 << 33,) * 2, (0, 0)),
    "negative-size": tensor((-2, -2), (2, 1)),
    "negative-stride": tensor((2, 2), (-2, 1)),
    "huge-stride": tensor((2, 2), (1 << 62, 1)),
    "negative-offset": tensor((2, 2), (2, 1), offset=-1),
    "offset-beyond": tensor((2, 2), (2, 1), offset=1),
    "offset-far-beyond": tensor((0, 2), (2, 1), offset=1 << 39),
    "expanded": tensor((1 << 20, 1 << 20), (0, 0)),
    "expanded-a-little": tensor((5, 1), (0, 1)),
    "more-strides": tensor((2, 2), (2, 1, 1)),
    "many-dimensions": tensor((1,) * 9, (1,) * 9),
    "storage-too-long": tensor((2, 2), (2, 1), count=5),
    "storage-too-short": tensor((2, 2), (2, 1), count=3),
    "storage-negative": tensor((2, 2), (2, 1), count=-4),
    "storage-huge": tensor((2, 2), (2, 1), count=1 << 60),
    "other-type": tensor((2, 2), (2, 1), storage="DoubleStorage"),
    "unknown-type": tensor((2, 2), (2, 1), storage="QInt8Storage"),
    "missing-storage": tensor((2, 2), (2, 1), key="1"),
    "climbing-key": tensor((2, 2), (2, 1), key="../../../etc/passwd"),
    "absolute-key": tensor((2, 2), (2, 1), key="/etc/passwd"),
    "pickle-as-storage": tensor((2, 2), (2, 1), key="../data.pkl"),
    "two-types": b"(" + tensor((2, 2), (2, 1)) + tensor((2, 2), (2, 1), storage="IntStorage") + b"t",
}


@pytest.mark.parametrize("name", LYING_TENSORS)
def test_lying_tensors_are_refused(name, tmp_path):
    tracemalloc.start()
    refusal(tmp_path, archive(linear_model(LYING_TENSORS[name]), WEIGHTS))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


HOSTILE_NAMES = [
    "../evil",
    "/etc/evil",
    "model/../../evil",
    "model\\evil",
    "C:\\evil",
    "model//evil",
    "model/..",
    "é",
    "a\nb",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_climbing_entry_names_are_refused(name, tmp_path):
    assert "never writes" in refusal(tmp_path, archive(pickled(b"N"), **{name: b"x"}))
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def _compressed(content: bytes, size: int | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("model/data.pkl", content)
    data = stream.getvalue()
    return data if size is None else data.replace(struct.pack("<I", len(content)), struct.pack("<I", size))


@pytest.mark.parametrize(
    ("claimed", "text"),
    [(None, "its structure takes 67108864 bytes"), (10, "Bad CRC-32"), (0, "Bad CRC-32")],
)
def test_a_zip_bomb_is_not_unpacked(claimed, text, tmp_path):
    bomb = _compressed(bytes(64 << 20), claimed)
    tracemalloc.start()
    message = refusal(tmp_path, bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert text in message
    assert peak < 8 << 20


def test_entries_that_unpack_to_too_much_are_refused(tmp_path):
    claimed = _compressed(bytes(1 << 20), 200 << 20)
    assert "unpack to more than 128 MiB" in refusal(tmp_path, claimed)


def test_an_honest_file_may_be_compressed(tmp_path):
    stored, path = tmp_path / "stored.pt", tmp_path / "deflated.pt"
    stored.write_bytes(honest_file())
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    assert [node.kind for node in load(path)] == [node.kind for node in load(stored)]


def test_overlapping_entries_are_refused(tmp_path):
    content = archive(pickled(b"N"), {"0": bytes(1000)}, **{"model/a": bytes(1000)})
    directory = content.rindex(b"PK\x01\x02", 0, content.rindex(b"model/byteorder"))
    grown = content.replace(struct.pack("<II", 1000, 1000), struct.pack("<II", 1 << 30, 1 << 30))
    assert directory > 0
    assert "more bytes than the file has" in refusal(tmp_path, grown)


def test_too_many_entries_are_refused(tmp_path):
    assert "zip entries" in refusal(tmp_path, honest_file() + b"PK\x01\x02" * 10_001 + honest_file())


def test_same_name_twice_is_refused(tmp_path):
    content = archive(pickled(b"N"), **{"model/datapkl2": b"x"}).replace(b"model/datapkl2", b"model/data.pkl")
    assert "same name" in refusal(tmp_path, content)


def test_encrypted_entries_are_refused(tmp_path):
    content = bytearray(honest_file())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(tmp_path, bytes(content))


def test_one_storage_used_often_does_not_multiply(tmp_path):
    weight = tensor((1 << 10, 1 << 10), (1 << 10, 1), count=1 << 20) + b"q\x01"
    weights = [weight] + [b"h\x01"] * 99
    linears = [layer(LINEAR, "Linear", {"_parameters": dictionary({"weight": item})}) for item in weights]
    layers = {str(index): linear for index, linear in enumerate(linears)}
    body = layer("torch.nn", "Sequential", {"_modules": dictionary(layers)})
    content = archive(pickled(body), {"0": bytes(4 << 20)})
    tracemalloc.start()
    message = refusal(tmp_path, content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "104857600 parameters" in message
    assert peak < 64 << 20
