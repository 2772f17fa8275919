"""Bytes and intensity of layers: ResNet-18 by hand, and what folding does to them."""

import numpy as np
import pytest
import torch

from workflow_lib.export.intensity import Layer, bound_by_memory, count_layers, largest_batch, whole_intensity
from workflow_lib.spaces.cross.cross_module import to_module

RESNET18 = "k7-s2-p3-pool3s2-w64"
# By hand, one image of 224 x 224 x 3 and 1,000 classes, float32: layer, input side and channels, output side and
# channels, kernel.
BY_HAND = [
    ("conv1", 224, 3, 112, 64, 7),
    *((f"block{block}.{place}", 56, 64, 56, 64, 3) for block in (1, 2) for place in (0, 3)),
    ("block3.0", 56, 64, 28, 128, 3),
    *((name, 28, 128, 28, 128, 3) for name in ("block3.3", "block4.0", "block4.3")),
    ("block5.0", 28, 128, 14, 256, 3),
    *((name, 14, 256, 14, 256, 3) for name in ("block5.3", "block6.0", "block6.3")),
    ("block7.0", 14, 256, 7, 512, 3),
    *((name, 7, 512, 7, 512, 3) for name in ("block7.3", "block8.0", "block8.3")),
    ("ds2.0", 56, 64, 28, 128, 1),
    ("ds3.0", 28, 128, 14, 256, 1),
    ("ds4.0", 14, 256, 7, 512, 1),
    ("fc", 1, 512, 1, 1000, 1),
]


def resnet18(folds: str = "") -> torch.nn.Module:
    return to_module(RESNET18 + folds, 3, 1000)


def test_resnet18_at_224_is_the_table_made_by_hand() -> None:
    layers = {layer.name: layer for layer in count_layers(resnet18(), 3, 224, batch=1, number_bytes=4)}
    assert set(layers) == {row[0] for row in BY_HAND}
    for name, side_in, channels_in, side_out, channels_out, kernel in BY_HAND:
        layer = layers[name]
        assert layer.input_bytes == 4 * side_in**2 * channels_in
        assert layer.output_bytes == 4 * side_out**2 * channels_out
        assert layer.weight_bytes == 4 * (kernel**2 * channels_in * channels_out + channels_out)
        assert layer.flops == 2 * side_out**2 * channels_out * kernel**2 * channels_in
    # Written out for one: 2 * 56^2 * 64 * 9 * 64 FLOP over (2 * 56^2 * 64 + 9 * 64 * 64 + 64) * 4 bytes.
    assert layers["block1.0"].intensity == pytest.approx(231_211_008 / 1_753_344)
    assert sum(layer.flops for layer in layers.values()) == pytest.approx(2 * 1.814e9, rel=1e-3)


def test_the_whole_is_all_that_is_computed_over_all_that_is_moved() -> None:
    layers = [Layer("a", "conv", 100, 5, 3, 2), Layer("b", "linear", 20, 4, 15, 1)]
    assert whole_intensity(layers) == 120 / 30
    assert [layer.intensity for layer in layers] == [10, 1]
    assert bound_by_memory(layers, 5) == [False, True]


def test_half_the_bytes_a_number_are_twice_the_intensity() -> None:
    one, half = (whole_intensity(count_layers(resnet18(), 3, 64, 1, number_bytes)) for number_bytes in (4, 2))
    assert half == pytest.approx(2 * one)


def test_folding_keeps_the_work_and_raises_the_intensity_of_the_early_stages() -> None:
    plain = {layer.name: layer for layer in count_layers(resnet18(), 3, 224, 128, 2)}
    folded = {layer.name.removeprefix("inner."): layer for layer in count_layers(resnet18("-f4"), 3, 224, 128, 2)}
    assert set(plain) == set(folded)
    inner = set(plain) - {"conv1", "fc"}
    work = [sum(layers[name].flops for name in inner) for layers in (folded, plain)]
    assert work[0] == pytest.approx(work[1], rel=0.01)
    raised = {name: folded[name].intensity / plain[name].intensity for name in inner}
    for name in inner:
        if name.startswith(("block1", "block2", "block3", "block4")):
            assert 1.6 < raised[name] <= 2, name  # stages 1 and 2
    assert raised["block8.3"] < 1, "in late layers the weights are most of what is moved"


def test_a_batch_that_cannot_be_folded_is_refused() -> None:
    with pytest.raises(ValueError, match="6 images is not a multiple of 4"):
        count_layers(resnet18("-f4"), 3, 64, 6, 4)


def test_counting_leaves_the_network_as_it_was() -> None:
    network = resnet18().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    count_layers(network, 3, 64, 1, 4)
    assert network.training
    assert not network.get_submodule("conv1")._forward_hooks
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_largest_batch_leaves_room_for_an_addition() -> None:
    layers = [Layer("a", "conv", 1, 100, 50, 200)]
    assert largest_batch(layers, 50 + 500 * 9) == 8
    assert largest_batch(layers, 50 + 500 * 9, multiple=4) == 32
    with pytest.raises(ValueError, match="too few"):
        largest_batch(layers, 500)


def test_folded_networks_see_each_image_by_itself_in_shape_only() -> None:
    """Outputs come in the order of the images; a batch that does not fill the last fold loses nothing."""
    torch.manual_seed(0)
    network = to_module("k3-s2-p1-pool3s2-w32-f4", 5, 3).eval()
    images = torch.randn(8, 5, 40, 40)
    with torch.no_grad():
        logits = network(images)
        np.testing.assert_allclose(network(images[:4]), logits[:4], atol=1e-5)
        assert network(images[:6]).shape == (6, 3)
        np.testing.assert_allclose(network(images[:6])[:4], logits[:4], atol=1e-5)
        filled = torch.cat([images[4:6], images[4:5], images[4:5]])
        np.testing.assert_allclose(network(images[4:6]), network(filled)[:2], atol=1e-5)
