"""Tensors of a checkpoint as NumPy arrays, after every number about them has been checked."""

import numpy as np

from compiler.frontend.allowed import StorageType
from compiler.frontend.archive import Archive
from compiler.frontend.remedies import clip, refuse

__all__ = ["StorageReference", "TensorReader"]

_MOST_DIMENSIONS = 8
_LARGEST_COUNT = 1 << 40


class StorageReference:
    """A typed storage that a pickle refers to; its bytes are read on first use."""

    def __init__(self, dtype: str, key: str, count: int) -> None:
        self.dtype = dtype
        self.key = key
        self.count = count


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST_COUNT


class TensorReader:
    """Builds arrays from the storages of one archive; each storage is read once.

    Parameters
    ----------
    archive : Archive
        Where the storages are.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._storages: dict[str, tuple[str, np.ndarray]] = {}

    def reference(self, identity: object) -> StorageReference:
        """Interpret a persistent id: `("storage", type, key, location, count)`."""
        match identity:
            case ("storage", StorageType(dtype=dtype), str(key), str(), count) if _is_count(count):
                return StorageReference(dtype, key, count)
        raise refuse(self._archive.where, "a tensor refers to its storage as torch.save never does")

    def rebuild(self, arguments: tuple[object, ...]) -> np.ndarray:
        """Do what `_rebuild_tensor_v2(storage, offset, size, stride, ...)` does, read-only.

        Raises
        ------
        UnsupportedModel
            If offset, shape and strides reach beyond the storage, or repeat its elements.
        """
        match arguments:
            case (StorageReference() as storage, offset, tuple(shape), tuple(strides), *_):
                self._check(storage, offset, shape, strides)
            case _:
                raise refuse(self._archive.where, "a tensor is described in a way that torch.save never does")
        elements = self._elements(storage)
        return np.lib.stride_tricks.as_strided(
            elements[offset:],
            shape=shape,
            strides=tuple(stride * elements.itemsize for stride in strides),
            writeable=False,
        )

    def _check(self, storage: StorageReference, offset: object, shape: tuple, strides: tuple) -> None:
        where = self._archive.where
        label = f"the tensor in storage {clip(storage.key)!r}"
        if len(shape) != len(strides) or len(shape) > _MOST_DIMENSIONS:
            raise refuse(where, f"{label} has {len(shape)} sizes and {len(strides)} strides")
        if not all(map(_is_count, (offset, *shape, *strides))):
            raise refuse(where, f"{label} has a negative or huge offset, size or stride")
        elements = 1
        for size in shape:
            elements *= size
        last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        if elements > storage.count or (elements and last >= storage.count) or offset > storage.count:
            raise refuse(where, f"{label} reaches beyond the {storage.count} elements that are stored")

    def _elements(self, storage: StorageReference) -> np.ndarray:
        if storage.key not in self._storages:
            self._storages[storage.key] = (storage.dtype, self._read(storage))
        dtype, elements = self._storages[storage.key]
        if dtype != storage.dtype or len(elements) != storage.count:
            raise refuse(self._archive.where, f"the storage {clip(storage.key)!r} has two types or sizes")
        return elements

    def _read(self, storage: StorageReference) -> np.ndarray:
        half = storage.dtype == "bfloat16"
        dtype = np.dtype("<u2" if half else storage.dtype)
        elements = np.frombuffer(self._archive.storage(storage.key, storage.count * dtype.itemsize), dtype)
        return (elements.astype("<u4") << 16).view("<f4") if half else elements
