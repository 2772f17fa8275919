"""Squeeze-and-excitation, as compact and published networks use it."""

from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Scale each channel by a gate that depends on all of them.

    Args:
        channels: of the features.
        squeezed: channels inside the gate.

    Source: Hu et al. 2018, with the hard sigmoid of Howard et al. 2019 (MobileNetV3), which nn-Meter detects.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, squeezed, 1), nn.ReLU(), nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Scale (n, channels, height, width) features."""
        scaled: Tensor = x * self.gate(x)
        return scaled
