"""Checkpoint files: whole modules, small on disk, that `torch.load` reads as they are."""

import copy
import io
import zipfile
from pathlib import Path

import torch
from torch import nn

from compiler.nn import QuantizedConv2d, QuantizedLinear

__all__ = ["load_checkpoint", "save_checkpoint"]

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every member, so that equal models give equal files."""


def save_checkpoint(model: nn.Module, path: Path) -> None:
    """Save a model in evaluation mode, compactly; an existing file is replaced in one move.

    Integer weights are stored as float16 where it holds them exactly, as it does `code / 2**f` for
    codes of up to 11 bits and `f` of up to 24, and the archive that `torch.save` writes is compressed,
    so that zeros cost next to nothing.
    """
    model = copy.deepcopy(model).cpu().to(memory_format=torch.contiguous_format).eval()
    model.requires_grad_(False)
    for layer in model.modules():
        if isinstance(layer, QuantizedConv2d | QuantizedLinear):
            weight = layer.quantized_weight()
            layer.weight.data = weight.half() if torch.equal(weight.half().float(), weight) else weight
    buffer = io.BytesIO()
    torch.save(model, buffer)
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(buffer) as plain, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as packed:
        for member in plain.infolist():
            entry = zipfile.ZipInfo(member.filename, ZIP_TIME)
            packed.writestr(entry, plain.read(member), zipfile.ZIP_DEFLATED, 9)
    partial.replace(path)


def load_checkpoint(path: Path) -> nn.Module:
    """Load a model of one's own. Runs what the file says: not for files from strangers."""
    return torch.load(path, weights_only=False, map_location="cpu")
