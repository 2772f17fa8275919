"""The network that is quantized to int8: the trained one, or a fine-tuned one where int8 loses too much accuracy."""

import math
import sys
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import nn

from workflow_lib.core.conversion_config import ConversionConfig
from workflow_lib.data.dataset import ChipView, Rows
from workflow_lib.export.fine_tuning import fine_tune

_MAX_JUDGED: Final = 512
_JUDGED_SHARE: Final = 0.2


def network_for_int8(
    network: nn.Module,
    view: ChipView,
    training: Rows,
    labels: Rows,
    calibration: NDArray[np.float32],
    conversion: ConversionConfig,
    seed: int,
    accuracy_pct: Callable[[nn.Module, str, Rows], float],
) -> nn.Module:
    """Choose between the trained network and a fine-tuned one, by the accuracy of their int8 files on training chips.

    Training chips decide, so that scores on other chips stay free of any choice. A fifth of them decides, at most 512,
    and is left out of the fine-tuning.

    Args:
        network: trained network.
        view: the chips as the network receives them.
        training: (n,) rows of the training chips.
        labels: (chips,) class numbers of all chips.
        calibration: (m, channels, height, width) chips from which int8 takes the ranges of activations.
        conversion: the loss above which the network is fine-tuned.
        seed: seed of the choice of chips, and of the fine-tuning.
        accuracy_pct: function of a network, a precision and rows that converts the network and returns the accuracy of
            the file (percent).

    Returns:
        The trained network, if it loses no more than stated or fine-tuning does not help, else the fine-tuned one.
    """
    if conversion.fine_tuning_loss_pct is None:
        return network
    count = min(_MAX_JUDGED, math.ceil(_JUDGED_SHARE * len(training)))
    shuffled = np.random.default_rng(seed).permutation(training)
    judged, others = np.sort(shuffled[:count]), shuffled[count:]
    exact, rounded = (accuracy_pct(network, precision, judged) for precision in ("fp32", "int8"))
    if exact - rounded <= conversion.fine_tuning_loss_pct:
        return network
    tuned = fine_tune(network, view, others, labels, calibration, seed)
    after = accuracy_pct(tuned, "int8", judged)
    losses = f"{exact - rounded:.2f} points, {exact - after:.2f} after fine-tuning"
    print(f"loss of int8 on {len(judged)} training chips: {losses}", file=sys.stderr)
    return tuned if after > rounded else network
