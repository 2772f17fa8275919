"""A family of networks of one's own, for tests."""

from typing import Any

from torch import nn

CHOICES = {"width": (4, 8), "act": ("relu", "tanh"), "pre_norm": (False, True)}


def build(choice: dict[str, Any], channels: int, classes: int) -> nn.Module:
    act = {"relu": nn.ReLU, "tanh": nn.Tanh}[choice["act"]]
    norm = nn.BatchNorm2d(channels) if choice["pre_norm"] else nn.Identity()
    return nn.Sequential(
        norm, nn.Conv2d(channels, choice["width"], 3, 2), act(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(choice["width"], classes),
    )  # fmt: skip
