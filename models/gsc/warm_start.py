"""Start a network from a trained one of the same layers: same answers at first, free to become sparse."""

import torch
from torch import nn

from models.gsc.network import CONV1, CONV2, LINEAR1, LINEAR2

__all__ = ["start_from"]


@torch.no_grad()
def start_from(
    model: nn.Sequential, trained: nn.Sequential, clips: torch.Tensor, held: nn.Sequential | None = None
) -> None:
    """Copy trained weights into an untrained model, in place.

    A checkpoint has its batch normalization folded into its weights. Here each BatchNorm gets the mean
    and the deviation of `clips` both as its statistics and as its parameters, so that it changes
    nothing yet and training goes on with normalized activations.

    Parameters
    ----------
    model : nn.Sequential
        Of :func:`models.gsc.network.network`, any variant. k-WTA layers are passed over: their winners
        are annealed from all.
    trained : nn.Sequential
        A checkpoint of any variant.
    clips : uint8 or float[batch, 1, 32, 32]
        Raw features; a thousand or so.
    held : nn.Sequential, optional
        A checkpoint whose conv1 is copied instead of that of `trained`. k-WTA behind conv1 then has the
        winners of the checkpoint at once.
    """
    for name in (CONV1, CONV2, LINEAR1, LINEAR2):
        source = held if held is not None and name == CONV1 else trained
        ours, theirs = model.get_submodule(name), source.get_submodule(name)
        ours.weight.copy_(theirs.weight)
        ours.bias.copy_(theirs.bias)
    passed_over = ("dropout", "winners") if held is None else ("dropout", "winners2", "winners3")
    values = clips.float()
    for name, layer in model.named_children():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            _change_nothing(layer, values)
        elif not name.startswith(passed_over):
            values = layer(values)


def _change_nothing(norm: nn.BatchNorm1d | nn.BatchNorm2d, values: torch.Tensor) -> None:
    """Make a BatchNorm the identity for values whose statistics are those of `values`."""
    others = [axis for axis in range(values.ndim) if axis != 1]
    variance, mean = torch.var_mean(values, others, correction=0)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.weight.copy_((variance + norm.eps).sqrt())
    norm.bias.copy_(mean)
