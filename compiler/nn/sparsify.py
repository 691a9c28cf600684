"""Give layers of a model few nonzero weights and keep it so while they train."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from compiler.nn.mask_rules import MaskRule, RandomMask

__all__ = ["Sparsity", "sparsify"]


@dataclass
class _MaskedLayer:
    """One layer, its mask, and the copies that let losing weights return.

    `used` is the weight as the forward pass saw it and `dense` what it would be without a mask; both
    are None once the rule needs no dense copy. `factors` are the mask as 1 and 0.
    """

    layer: nn.Conv2d | nn.Linear
    rule: MaskRule
    mask: torch.Tensor
    dense: torch.Tensor | None = None
    used: torch.Tensor | None = None
    factors: torch.Tensor | None = None

    def __post_init__(self) -> None:
        self.take(self.mask)

    def take(self, mask: torch.Tensor) -> None:
        """Use a mask from now on. Factors have the weight's own type, which multiplies faster."""
        if mask is not self.mask or self.factors is None:
            self.mask, self.factors = mask, mask.to(self.layer.weight.dtype)

    def start(self, step: int) -> None:
        """Zero what is masked and set the copies up."""
        weight = self.layer.weight.detach()
        if self.rule.keeps_dense_copy(step):
            self.dense = weight.clone() if self.dense is None else self.dense
            self.used = self.dense * self.factors
        weight.mul_(self.factors)

    def step(self, step: int, decay: float) -> None:
        """Take over what the optimizer did, let the rule move the mask, zero what is masked."""
        weight, gradient = self.layer.weight.detach(), self.layer.weight.grad
        if self.dense is None:
            weight.mul_(self.factors)
            self.take(self.rule.update(step, self.mask, weight, gradient))
            weight.mul_(self.factors)
            return
        self.dense += weight - self.used
        self.dense.lerp_(self.dense * self.factors, decay)
        self.take(self.rule.update(step, self.mask, self.dense, gradient))
        torch.mul(self.dense, self.factors, out=self.used)
        weight.copy_(self.used)
        if not self.rule.keeps_dense_copy(step):
            self.dense = self.used = None


class Sparsity:
    """Keeps the masks of a model; what :func:`sparsify` returns.

    Call :meth:`step` after each `optimizer.step()`, before the gradients are cleared. The model holds
    plain layers with zeros in their weights at all times and can be saved at any moment.

    Parameters
    ----------
    layers : dict
        Name → masked layer.
    loser_decay : float
        Share by which weights that are masked out shrink in each step, in their dense copies; a
        loser that is not decayed returns on noise.
    """

    def __init__(self, layers: dict[str, _MaskedLayer], loser_decay: float) -> None:
        self.steps = 0
        self._layers = layers
        self._loser_decay = loser_decay
        for layer in layers.values():
            layer.start(0)

    @torch.no_grad()
    def step(self) -> None:
        """Count one optimizer step, update the masks that are due and apply all of them."""
        self.steps += 1
        for layer in self._layers.values():
            layer.step(self.steps, self._loser_decay)

    def masks(self) -> dict[str, torch.Tensor]:
        """Return the masks by layer name, bool in the shape of the weight."""
        return {name: layer.mask for name, layer in self._layers.items()}

    def state_dict(self) -> dict:
        """Return all that is needed to resume: plain numbers and tensors."""
        return {
            "steps": self.steps,
            "masks": self.masks(),
            "dense": {name: layer.dense for name, layer in self._layers.items()},
        }

    @torch.no_grad()
    def load_state_dict(self, state: dict) -> None:
        """Resume from :meth:`state_dict`; the model must hold the weights of the same moment."""
        self.steps = state["steps"]
        for name, layer in self._layers.items():
            layer.take(state["masks"][name])
            layer.dense, layer.used = state["dense"][name], None
            layer.start(self.steps)


def sparsify(
    model: nn.Module, rules: Mapping[str, MaskRule | int], *, seed: int = 0, loser_decay: float = 2e-4
) -> Sparsity:
    """Make layers of a model sparse, now and while they train.

    Parameters
    ----------
    model : nn.Module
        Changed in place: masked weights become 0.
    rules : dict
        Layer name, as `model.named_modules()` has it → a :class:`MaskRule`; a number stands for
        `RandomMask(number)`. Each layer is a Conv2d or Linear.
    seed : int
        For masks that are drawn.
    loser_decay : float
        Share by which masked-out weights shrink in each step, where the rule lets them return.

    Returns
    -------
    Sparsity
        Call its `step()` after each `optimizer.step()`, before the gradients are cleared.

    >>> model = nn.Sequential(nn.Linear(10, 4))
    >>> sparsity = sparsify(model, {"0": 3})
    >>> (model[0].weight != 0).sum(dim=1).tolist()
    [3, 3, 3, 3]
    """
    modules = dict(model.named_modules())
    generator = torch.Generator().manual_seed(seed)
    layers = {}
    for name, rule in rules.items():
        layer = modules.get(name)
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            found = "is missing" if layer is None else f"is a {type(layer).__name__}"
            raise ValueError(f"{name!r} must be a Conv2d or Linear of the model, but {found}")
        rule = RandomMask(rule) if isinstance(rule, int) else rule
        layers[name] = _MaskedLayer(layer, rule, rule.initial(layer.weight.detach(), generator))
    return Sparsity(layers, loser_decay)
