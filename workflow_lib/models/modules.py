"""Build the networks that jobs train and export from their ids."""

import torch
from torch import nn

from workflow_lib.core.errors import UserError
from workflow_lib.spaces.networks import parse


def to_module(architecture: str, channels: int, classes: int, size_px: int | None = None) -> nn.Module:
    """Build the network of an id, freshly initialised.

    Args:
        architecture: id of the network; see `spaces.networks`.
        channels: bands of the input images.
        classes: number of outputs (logits).
        size_px: side of the images (pixels); if given, the output of a user's network is checked.

    Raises:
        ConfigError: if the text is not an id.
        UserError: if a user's network does not accept such images, or does not return (images, classes) logits.
    """
    network = parse(architecture)
    module = network.build(channels, classes)
    if network.space.checks_output and size_px is not None:
        _check_output(module, architecture, channels, classes, size_px)
    return module


def _check_output(module: nn.Module, architecture: str, channels: int, classes: int, size_px: int) -> None:
    """Check the output of a network for two blank images."""
    images = torch.zeros(2, channels, size_px, size_px)
    was_training = module.training
    try:
        with torch.inference_mode():
            output = module.eval()(images)
    except Exception as error:  # user code may raise anything
        what = f"cannot take images of shape {tuple(images.shape)} ({type(error).__name__}: {error})"
        is_trained = parse(architecture).space.is_trained
        hint = "change its build function" if is_trained else "give another file in grid.trained_models"
        raise UserError(what.replace("\n", " "), architecture, hint) from None
    finally:
        module.train(was_training)
    if not isinstance(output, torch.Tensor) or output.shape != (2, classes):
        found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise UserError(f"its output for two images is {found}, but must be (2, {classes})", architecture)
