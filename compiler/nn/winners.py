"""k-winner-take-all: keep the k largest activations, zero the rest."""

import torch
from torch import nn

__all__ = ["KWinners", "KWinners2d"]

DUTY_CYCLE_MOMENTUM = 0.02
"""Weight of the newest batch in the running average of how often each unit wins."""


class _Winners(nn.Module):
    """What both kinds share: the settings, the ranking, the duty cycle."""

    softness = 0.0
    """Of layers that were saved before there was such a setting."""

    def __init__(self, k: int, boost_strength: float = 0.0, softness: float = 0.0) -> None:
        super().__init__()
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k!r}")
        self.k = k
        self.boost_strength = boost_strength
        self.softness = softness
        self.register_buffer("duty_cycle", torch.zeros(0), persistent=False)

    def extra_repr(self) -> str:
        """Describe the settings, as `print(model)` shows them."""
        options = {"boost_strength": self.boost_strength, "softness": self.softness}
        return f"k={self.k}" + "".join(f", {name}={value}" for name, value in options.items() if value)

    def _keep(self, rows: torch.Tensor) -> torch.Tensor:
        """Return float[..., units]: `rows` without the losers, or with faded ones while winners are soft."""
        if self.training and self.softness and self.k < rows.shape[-1]:
            return self._fade(rows)
        return torch.where(self._select(rows), rows, torch.zeros((), dtype=rows.dtype, device=rows.device))

    def _fade(self, rows: torch.Tensor) -> torch.Tensor:
        """Weigh units by how far they are above or below the place between the last winner and the next."""
        threshold = rows.float().topk(self.k + 1, dim=-1).values[..., -2:].mean(dim=-1, keepdim=True)
        unit = self.softness * threshold.detach().abs().mean()
        # What is nowhere active has no winners to part from losers.
        share = torch.sigmoid((rows - threshold) / unit.clamp_min(torch.finfo(unit.dtype).tiny))
        return rows * share.to(rows.dtype)

    def _select(self, rows: torch.Tensor) -> torch.Tensor:
        """Return bool[..., units]: the k winners of each row of `rows`."""
        if self.k >= rows.shape[-1]:
            return torch.ones_like(rows, dtype=torch.bool)
        key = rows.detach()
        if self.training:
            indices = self._boosted(key).topk(self.k, dim=-1).indices
        else:
            indices = key.sort(dim=-1, descending=True, stable=True).indices[..., : self.k]
        chosen = torch.zeros_like(rows, dtype=torch.bool).scatter_(-1, indices, True)
        if self.training and self.boost_strength:
            self._observe(chosen & (key != 0))
        return chosen

    def _boosted(self, key: torch.Tensor) -> torch.Tensor:
        """Favor units that win less often than k of all: `x · exp(strength · (k / units - duty cycle))`."""
        units = key.shape[-1]
        if not self.boost_strength or len(self.duty_cycle) != units:
            return key
        return key * torch.exp(self.boost_strength * (self.k / units - self.duty_cycle)).to(key.dtype)

    def _observe(self, won: torch.Tensor) -> None:
        """Fold one batch into the duty cycle; the first batch sets it."""
        share = won.flatten(0, -2).float().mean(0)
        started = len(self.duty_cycle) == len(share)
        self.duty_cycle = self.duty_cycle.lerp(share, DUTY_CYCLE_MOMENTUM) if started else share


class KWinners2d(_Winners):
    """Keep the k largest channels at each pixel (local k-WTA).

    Winners keep their own value, losers become 0. In evaluation channels are ranked by value, ties
    go to the lowest channel, and boosting plays no part. A winner whose value is 0 leaves no trace,
    so behind a ReLU at most `k` channels are active.

    Parameters
    ----------
    k : int
        Winners a pixel. May be assigned at any time, to anneal it during training.
    boost_strength : float
        Training only: how strongly channels that rarely win are favored when ranking. 0 is off.
    softness : float
        Training only: losers fade instead of becoming 0, the more the further they are below the last winner;
        in units of the mean activation from which on channels win. Hard winners have no gradient that says
        which channel should win instead; soft ones do. Assign less and less, and 0, well ahead of the end.
        Boosting plays no part meanwhile. 0 is off.

    Members
    -------
    duty_cycle : float[channels]
        Share of pixels that each channel won lately; empty until boosting first runs.

    >>> KWinners2d(2).eval()(torch.tensor([3.0, 5, 5, 5]).reshape(1, 4, 1, 1)).flatten().tolist()
    [0.0, 5.0, 5.0, 0.0]
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float[batch, channels, height, width] to the same shape."""
        return self._keep(x.movedim(1, -1)).movedim(-1, 1)


class KWinners(_Winners):
    """Keep the k largest elements of each sample (global k-WTA).

    Like :class:`KWinners2d`, but across the tensor flattened as (channels, height, width); ties go
    to the lowest flat index.

    Parameters
    ----------
    k : int
        Winners a sample. May be assigned at any time.
    boost_strength, softness : float
        Training only, as in :class:`KWinners2d`; `duty_cycle` has one entry an element.

    >>> KWinners(1).eval()(torch.tensor([[1.0, 7, 7]])).tolist()
    [[0.0, 7.0, 0.0]]
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map float[batch, ...] to the same shape."""
        return self._keep(x.flatten(1)).reshape(x.shape)
