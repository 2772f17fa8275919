"""The optimizer that the configuration names."""

from torch import nn

from workflow_lib.training.adam import Adam
from workflow_lib.training.fused_optimizer import FusedOptimizer
from workflow_lib.training.sgd import Sgd
from workflow_lib.training.training_config import TrainingConfig


def make_optimizer(network: nn.Module, training: TrainingConfig) -> FusedOptimizer:
    """Make the optimizer that the config names.

    Args:
        network: network whose weights are trained.
        training: settings of the training.
    """
    if training.optimizer == "sgd":
        return Sgd(network, training.learning_rate, training.weight_decay, training.momentum)
    return Adam(network, training.learning_rate, training.weight_decay)
