"""Make checkpoint files by hand, honest and hostile, without torch."""

import io
import struct
import zipfile
from collections.abc import Mapping

__all__ = [
    "LINEAR",
    "WEIGHTS",
    "archive",
    "dictionary",
    "honest_file",
    "integer",
    "layer",
    "linear_model",
    "pickled",
    "tensor",
    "text",
]

LINEAR = "torch.nn.modules.linear"
WEIGHTS = {"0": bytes(16)}
OLD_TIME = (1980, 1, 1, 0, 0, 0)


def text(value: str) -> bytes:
    """Pickle a string."""
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def integer(value: int) -> bytes:
    """Pickle an integer of at most 255 bytes."""
    encoded = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(encoded)]) + encoded


def dictionary(items: Mapping[str, bytes]) -> bytes:
    """Pickle a dict of values that are pickled already."""
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def tensor(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    offset: int = 0,
    key: str = "0",
    count: int = 4,
    storage: str = "FloatStorage",
) -> bytes:
    """Pickle a tensor; nothing about it needs to be true."""
    sizes = b"(" + b"".join(map(integer, shape)) + b"t"
    steps = b"(" + b"".join(map(integer, strides)) + b"t"
    kind = f"ctorch\n{storage}\n".encode()
    identity = b"(" + text("storage") + kind + text(key) + text("cpu") + integer(count)
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + identity
        + b"tQ"
        + integer(offset)
        + sizes
        + steps
        + b"\x89ccollections\nOrderedDict\n)RtR"
    )


def layer(module: str, kind: str, state: Mapping[str, bytes]) -> bytes:
    """Pickle a module of that class and `__dict__`."""
    return f"c{module}\n{kind}\n".encode() + b")\x81" + dictionary(state) + b"b"


def pickled(body: bytes) -> bytes:
    """Return a whole pickle around one value."""
    return b"\x80\x02" + body + b"."


def archive(pickle: bytes, storages: Mapping[str, bytes] | None = None, **entries: bytes) -> bytes:
    """Return a zip file as `torch.save` lays it out; `entries` are added under their own names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        members = {"model/data.pkl": pickle, "model/byteorder": b"little", **entries}
        members |= {f"model/data/{key}": content for key, content in (storages or {}).items()}
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(name, OLD_TIME), content)
    return stream.getvalue()


def linear_model(weight: bytes) -> bytes:
    """Pickle a single linear layer."""
    return pickled(layer(LINEAR, "Linear", {"_parameters": dictionary({"weight": weight})}))


def honest_file() -> bytes:
    """Return a small file with which nothing is wrong."""
    weight = tensor((2, 2), (2, 1))
    linear = layer(LINEAR, "Linear", {"_parameters": dictionary({"weight": weight})})
    modules = {"_modules": dictionary({"0": linear})}
    return archive(pickled(layer("torch.nn.modules.container", "Sequential", modules)), WEIGHTS)
