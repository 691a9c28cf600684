"""Live modules whose forward is written by hand."""

import torch
from torch import nn
from torch.nn import functional

from compiler.frontend import examine, load


class Handwritten(nn.Module):
    """Half layers, half functions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding="same")
        self.linear = nn.Linear(4 * 16 * 16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(functional.max_pool2d(self.conv(x), 2))
        x = functional.dropout(torch.flatten(x, 1), 0.5, training=self.training)
        return functional.log_softmax(self.linear(x), dim=1)


class Strange(nn.Module):
    """Things that are not supported."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3)
        self.activation = nn.SELU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.activation(self.conv(x))) + x


class Forked(nn.Module):
    """Two layers side by side, of which one is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Linear(2, 2)
        self.right = nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.left(x)
        return self.right(x)


class Branching(Forked):
    """A forward that depends on values."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.left(x) if x.sum() > 0 else self.right(x)


class Careless(Handwritten):
    """Drops values in evaluation as well."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(torch.flatten(functional.dropout(self.conv(x)), 1))


def test_functions_become_layers():
    module = Handwritten().train()
    graph = load(module)
    assert [node.kind for node in graph] == ["Conv2d", "MaxPool", "Relu", "Flatten", "Linear"]
    assert graph.input.shape == (1, 32, 32)
    assert module.training and module.conv.training


def test_a_single_layer_is_a_model():
    assert [node.kind for node in load(nn.Linear(3, 2))] == ["Linear"]


def test_everything_unsupported_is_named():
    problems = "\n".join(map(str, examine(Strange()).problems))
    assert "activation (SELU): this kind of layer is not supported" in problems
    assert "sigmoid (sigmoid)" in problems and "add (add)" in problems


def test_forks_and_branches_are_refused():
    assert "not a chain: see right" in str(examine(Forked()).problems[0])
    assert "cannot be traced" in str(examine(Branching()).problems[0])


def test_dropout_that_stays_on_is_refused():
    assert "training must be False, not True" in str(examine(Careless()).problems[0])


def test_hooks_are_refused():
    module = nn.Sequential(nn.Linear(2, 2))
    module[0].register_forward_hook(lambda *_: None)
    assert "forward hooks" in str(examine(module).problems[0])


def test_something_else_than_a_module_is_refused():
    assert "neither a path nor an nn.Module" in str(examine(5).problems[0])
