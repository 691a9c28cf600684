"""What to do next, in the words that error messages share."""

from compiler.errors import Problem, UnsupportedModel

__all__ = ["RESAVE", "clip", "refuse"]

RESAVE = (
    "save it again with `torch.save(model, 'model.pt')`, where `model` is an nn.Sequential of supported "
    "layers, or as `torch.save({'architecture': [{'kind': 'Conv2d', 'name': 'conv1', 'in_channels': 1, ...}, "
    "...], 'state_dict': model.state_dict()}, 'model.pt')`"
)
"""How to write a file that the loader accepts."""

_LONGEST = 80


def clip(value: object, longest: int = _LONGEST) -> str:
    r"""Return text from an untrusted file, fit for one line of a message.

    >>> clip("a\nb")
    'a?b'
    """
    if not isinstance(value, str):
        value = repr(value) if isinstance(value, int | float | bool | None) else type(value).__name__
    text = "".join(character if character.isprintable() else "?" for character in value[: longest + 1])
    return text if len(text) <= longest else text[:longest] + "…"


def refuse(where: str, what: str, next_step: str = RESAVE) -> UnsupportedModel:
    """Return the error that refuses a model for one reason."""
    return UnsupportedModel(Problem(where, what, next_step))
