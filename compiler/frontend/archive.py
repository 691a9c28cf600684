"""The zip file that `torch.save` writes, opened with suspicion.

Nothing is extracted: names of entries are only compared, never used as paths. Sizes are checked before
anything of that size is read, and a compressed entry is unpacked only as far as the size it claims.
"""

import io
import re
import struct
import zipfile
from pathlib import Path

from compiler.frontend.remedies import RESAVE, clip, refuse

__all__ = ["LARGEST_FILE", "Archive", "read_archive"]

LARGEST_FILE = 128 << 20
"""Bytes; far more than the weights of any network that fits an FPGA."""

_LARGEST_PICKLE = 4 << 20
_MOST_ENTRIES = 10_000
_CENTRAL_ENTRY = b"PK\x01\x02"
_SAFE_NAME = re.compile(r"[A-Za-z0-9_.+\- ()]+(/[A-Za-z0-9_.+\- ()]+)*")
_TORCHSCRIPT_ENTRY = re.compile(r"[^/]+/(constants\.pkl|code/.*)")
_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_ZIP_FAULTS = (
    zipfile.BadZipFile,
    struct.error,
    ValueError,
    KeyError,
    IndexError,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
)


class Archive:
    """The entries of one checkpoint: a pickle, and raw storages by key.

    Parameters
    ----------
    content : bytes
        The whole file.
    where : str
        Name of the file, for messages.
    """

    def __init__(self, content: bytes, where: str) -> None:
        self.where = where
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            entries = self._zip.infolist()
        except _ZIP_FAULTS as fault:
            raise self._damaged(fault) from fault
        self._check_entries(entries, len(content))
        self._entries = {entry.filename: entry for entry in entries}
        self._prefix = self._find_prefix()
        order = self._entries.get(f"{self._prefix}/byteorder")
        if order is not None and self._read(order) != b"little":
            raise refuse(where, "its byte order is not little-endian")

    @property
    def pickle(self) -> bytes:
        """The pickled structure, not yet looked at."""
        entry = self._entries[f"{self._prefix}/data.pkl"]
        if entry.file_size > _LARGEST_PICKLE:
            what = f"its structure takes {entry.file_size} bytes, not at most {_LARGEST_PICKLE}"
            raise refuse(self.where, what)
        return self._read(entry)

    def storage(self, key: str, size: int) -> bytes:
        """Return the bytes of one storage, which must be exactly `size` long."""
        entry = self._entries.get(f"{self._prefix}/data/{key}")
        if entry is None:
            raise refuse(self.where, f"the storage {clip(key)!r} of a tensor is missing; the file is damaged")
        if entry.file_size != size:
            raise refuse(
                self.where, f"the storage {clip(key)!r} should hold {size} bytes but holds {entry.file_size}"
            )
        return self._read(entry)

    def _read(self, entry: zipfile.ZipInfo) -> bytes:
        try:
            with self._zip.open(entry) as file:
                # A bounded read unpacks no more than asked for; the second one checks length and CRC.
                content = file.read(entry.file_size)
                surplus = file.read(1)
        except _ZIP_FAULTS as fault:
            raise self._damaged(fault) from fault
        if len(content) != entry.file_size or surplus:
            raise refuse(self.where, f"the zip entry {clip(entry.filename)!r} is not as long as it says")
        return content

    def _damaged(self, fault: Exception) -> Exception:
        return refuse(self.where, f"the zip file is damaged ({clip(str(fault))})", "save it again")

    def _check_entries(self, entries: list[zipfile.ZipInfo], file_size: int) -> None:
        names = [entry.filename for entry in entries]
        if any(map(_TORCHSCRIPT_ENTRY.fullmatch, names)):
            raise refuse(self.where, "it is a TorchScript archive, whose layers are no longer visible")
        if len(set(names)) != len(names):
            raise refuse(self.where, "two zip entries have the same name")
        for entry in entries:
            name = clip(entry.filename)
            if not _SAFE_NAME.fullmatch(entry.filename) or ".." in entry.filename.split("/"):
                raise refuse(self.where, f"the zip entry {name!r} has a name that torch.save never writes")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise refuse(self.where, f"the zip entry {name!r} is compressed in an unusual way")
            if entry.flag_bits & 1:
                raise refuse(self.where, f"the zip entry {name!r} is encrypted")
            if entry.compress_type == zipfile.ZIP_STORED and entry.file_size != entry.compress_size:
                raise refuse(self.where, f"the zip entry {name!r} has two sizes")
        if sum(entry.compress_size for entry in entries) > file_size:
            raise refuse(self.where, "its zip entries claim more bytes than the file has")
        if sum(entry.file_size for entry in entries) > LARGEST_FILE:
            raise refuse(self.where, f"its zip entries unpack to more than {LARGEST_FILE >> 20} MiB")

    def _find_prefix(self) -> str:
        pickles = [name for name in self._entries if re.fullmatch(r"[^/]+/data\.pkl", name)]
        if len(pickles) != 1:
            raise refuse(self.where, "it is a zip file, but torch.save did not write it (it has no data.pkl)")
        return pickles[0].removesuffix("/data.pkl")


def read_archive(path: Path) -> Archive:
    """Open a checkpoint.

    Parameters
    ----------
    path : Path
        The file. At most `LARGEST_FILE` bytes of it are read.

    Raises
    ------
    UnsupportedModel
        If it is anything but a zip file as `torch.save` writes it.
    """
    where = clip(str(path), 400)
    try:
        size = path.stat().st_size
        if not path.is_file() or size > LARGEST_FILE:
            what = f"is not a file of at most {LARGEST_FILE >> 20} MiB"
            raise refuse(where, what, "name a .pt file that holds only the model")
        with path.open("rb") as file:
            content = file.read(size)
    except OSError as fault:
        raise refuse(where, f"cannot be read ({fault.strerror or fault})", "name a .pt file") from fault
    except ValueError as fault:
        raise refuse(where, f"is not a file name ({fault})", "name a .pt file") from fault
    if not content.startswith(b"PK\x03\x04"):
        raise refuse(where, _other_format(content), RESAVE)
    if content.count(_CENTRAL_ENTRY) > _MOST_ENTRIES:
        raise refuse(where, f"it has more than {_MOST_ENTRIES} zip entries")
    return Archive(content, where)


def _other_format(content: bytes) -> str:
    """Say what a file is that does not begin like a zip file."""
    if not content:
        return "is empty; not a .pt file"
    if _LEGACY_MAGIC in content[:64]:
        return "is in the torch format from before version 1.6"
    if content.startswith(b"\x80"):
        return "is a bare pickle, not a .pt file that torch.save wrote"
    if content.startswith(b"\x89HDF"):
        return "is an HDF5 file (Keras?), not a .pt file"
    return "is not a .pt file that torch.save wrote"
