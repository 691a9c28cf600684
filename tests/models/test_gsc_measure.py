"""What the model card's figures are made by."""

import xml.etree.ElementTree

import numpy as np
import pytest
import torch
from torch import nn

from models.gsc.data import Split
from models.gsc.measure import activity, with_white_noise
from models.gsc.pictures import confusion_picture, curves_picture

RECORD = {"stage": "float", "val": {"balanced": 0.9}}


def test_activity_is_the_share_of_nonzero_inputs():
    model = nn.Sequential()
    model.add_module("flatten", nn.Flatten())
    model.add_module("linear", nn.Linear(4, 2))
    x = torch.tensor([[0, 0, 0, 9], [1, 2, 3, 0]], dtype=torch.uint8).reshape(2, 1, 2, 2)
    assert activity(model, Split(x, torch.zeros(2))) == {"linear": {"mean": 0.5, "most": 0.75}}


def test_noise_hides_more_at_fewer_decibels_and_repeats_with_the_seed():
    x = torch.zeros(6, 1, 32, 32, dtype=torch.uint8)
    x[..., 8:20, 10:20] = 150
    clips = Split(x, torch.arange(6))
    changes = []
    for decibels in (20, 0):
        noisy = with_white_noise(clips, decibels)
        assert torch.equal(noisy.x, with_white_noise(clips, decibels).x)
        assert torch.equal(noisy.y, clips.y)
        assert torch.all(noisy.x >= x)
        changes.append((noisy.x.float() - x.float()).mean())
    assert changes[1] - changes[0] == pytest.approx(9.89 * 2 * np.log(10) * 0.88, rel=0.1)


def test_pictures_are_well_formed_and_show_every_class_and_run():
    counts = (np.eye(12, dtype=int) * 30 + 2).tolist()
    confusion = xml.etree.ElementTree.fromstring(confusion_picture(counts))
    curves = curves_picture({"a": [RECORD] * 3 + [RECORD | {"stage": "integer"}], "b": [RECORD]})
    texts = [element.text for element in confusion.iter() if element.tag.endswith("text")]
    assert texts.count("32") == 12
    assert texts.count("unknown") == 2
    lines = [e for e in xml.etree.ElementTree.fromstring(curves).iter() if e.tag.endswith("polyline")]
    assert len(lines) == 4
