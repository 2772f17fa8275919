"""The training loop: reproducible, honest about failure, and able to learn."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from workflow_lib.core.errors import UserError
from workflow_lib.data.dataset import ChipView
from workflow_lib.training import compute
from workflow_lib.training.adam import Adam
from workflow_lib.training.compute import Compute, use_one_thread
from workflow_lib.training.loop import PREDICTION_BATCH, Task, Training, predict, train, train_together
from workflow_lib.training.metrics import cross_entropy
from workflow_lib.training.sampling import epoch_order
from workflow_lib.training.training_config import TrainingConfig

CHIP_COUNT, SIDE = 21, 8


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    use_one_thread()


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )


def noise(count: int = CHIP_COUNT) -> ChipView:
    pixels = np.random.default_rng(0).normal(size=(count, SIDE, SIDE, 3)).astype(np.float32)
    return ChipView(pixels, [2, 0])


def striped() -> tuple[ChipView, NDArray[np.int64]]:
    """Two classes that differ in the direction of their stripes, and in nothing that a mean could tell."""
    labels = np.arange(40) % 2
    stripes = np.where(np.arange(SIDE) % 2, 1.0, -1.0)
    pixels = np.random.default_rng(0).normal(scale=0.3, size=(40, SIDE, SIDE, 3))
    pixels[labels == 0] += stripes[:, None, None]
    pixels[labels == 1] += stripes[None, :, None]
    return ChipView(pixels.astype(np.float32), [0, 1]), labels


def config(epochs: int = 2, learning_rate: float = 1e-3, **values: float | str | None) -> TrainingConfig:
    return TrainingConfig.model_validate({"epochs": epochs, "learning_rate": learning_rate, "device": "cpu", **values})


LABELS = np.arange(CHIP_COUNT) % 2
ROWS = np.arange(CHIP_COUNT)


def losses_and_predictions(seed: int) -> tuple[list[float], NDArray[np.float32]]:
    trained = train(Task(network, noise(), ROWS, LABELS, 4, seed), config())
    return trained.loss, predict(trained.network, noise(), ROWS)


def test_the_same_seed_gives_the_same_losses_and_predictions() -> None:
    losses, predictions = losses_and_predictions(seed=7)
    torch.rand(3)  # what ran before must not matter
    again, predictions_again = losses_and_predictions(seed=7)
    assert again == losses
    np.testing.assert_array_equal(predictions_again, predictions)


def test_another_seed_gives_other_losses_and_predictions() -> None:
    losses, predictions = losses_and_predictions(seed=7)
    others, other_predictions = losses_and_predictions(seed=8)
    assert others != losses
    assert (other_predictions != predictions).any()


def test_a_cosine_schedule_is_torchs() -> None:
    training = config(epochs=5, learning_rate=0.1, schedule="cosine")
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5)
    for epoch in range(5):
        assert training.rate(epoch) == pytest.approx(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()


def test_a_schedule_begins_at_the_learning_rate_and_lowers_it() -> None:
    constant, cosine = (
        train(Task(network, noise(), ROWS, LABELS, 4, 0), config(epochs=3, schedule=schedule)).loss
        for schedule in ("constant", "cosine")
    )
    assert (cosine[0], cosine[1] == constant[1], cosine[2] == constant[2]) == (constant[0], False, False)


def test_a_rate_of_zero_changes_no_weight() -> None:
    net = network()
    optimizer = Adam(net, 0.1)
    optimizer.set_rate(0.0)
    before = [weights.detach().clone() for weights in net.parameters()]
    net(torch.rand(2, 2, SIDE, SIDE)).sum().backward()
    optimizer.step()
    assert all(torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))


def test_weights_without_a_gradient_stay_as_they_are() -> None:
    used, unused = nn.Linear(2, 2), nn.Linear(2, 2)
    optimizer, before = Adam(nn.ModuleList([used, unused]), 0.1), unused.weight.detach().clone()
    used(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert torch.equal(unused.weight, before)


class Watching(nn.Module):
    """Notes what it is given while it trains."""

    def __init__(self, seen: list[Tensor]) -> None:
        super().__init__()
        self.inner, self.seen = network(), seen

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen.append(x.detach().clone())
        logits: Tensor = self.inner(x)
        return logits


def watched(count: int, batch: int, epochs: int = 1, seed: int = 0, **values: int) -> list[Tensor]:
    seen: list[Tensor] = []
    task = Task(lambda: Watching(seen), noise(count), np.arange(count), np.arange(count) % 2, batch, seed)
    train(task, config(epochs, **values))
    return seen


@pytest.mark.parametrize(
    ("count", "batch", "sizes"),
    [(9, 4, [4, 4]), (10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 2, [2]), (5, 64, [5]), (2, 2, [2])],
)
def test_a_lone_last_chip_is_left_out(count: int, batch: int, sizes: list[int]) -> None:
    assert [len(inputs) for inputs in watched(count, batch)] == sizes


def test_each_epoch_sees_every_chip_once_in_another_order() -> None:
    seen = watched(8, 4, epochs=2)
    first, second = torch.cat(seen[:2]), torch.cat(seen[2:])
    assert not torch.equal(first, second)
    pixels = noise(8).batch(np.arange(8))
    for epoch in (first, second):
        key = np.sort(epoch.numpy()[:, :, 0, 0], axis=0)
        np.testing.assert_array_equal(key, np.sort(pixels[:, 0, 0, :], axis=0))


def test_another_seed_shuffles_otherwise() -> None:
    assert torch.equal(watched(8, 4, seed=1)[0], watched(8, 4, seed=1)[0])
    assert not torch.equal(watched(8, 4, seed=1)[0], watched(8, 4, seed=2)[0])


def test_a_network_sees_channels_first_images_of_its_channels() -> None:
    seen = watched(4, 4)[0]
    pixels = noise(4).batch(np.arange(4))
    assert seen.shape == (4, 2, SIDE, SIDE)
    order = [int(np.argmin(abs(pixels[:, 0, 0, 0] - value))) for value in seen[:, 0, 0, 0].numpy()]
    np.testing.assert_array_equal(seen.numpy(), pixels[order].transpose(0, 3, 1, 2))


def test_labels_stay_with_their_chips_when_only_some_rows_train() -> None:
    view, labels = striped()
    rows = np.flatnonzero(np.arange(40) % 4 < 3)
    trained = train(Task(network, view, rows, labels[rows], 8, 0), config(epochs=30, learning_rate=0.02))
    assert (predict(trained.network, view, rows).argmax(1) == labels[rows]).mean() > 0.95


def test_the_reported_loss_is_the_mean_over_chips() -> None:
    """With no learning rate to speak of and no batch norm, the loss of an epoch is that of the fresh network."""

    def plain() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(2 * SIDE * SIDE, 2))

    trained = train(Task(plain, noise(10), np.arange(10), LABELS[:10], 4, 3), config(1, 1e-30))
    probabilities = predict(trained.network, noise(10), np.arange(10))
    expected = -np.log(probabilities[np.arange(10), LABELS[:10]]).mean()
    assert trained.loss == [pytest.approx(float(expected), rel=1e-5)]


def test_smoothed_labels_weaken_the_targets() -> None:
    smoothed = train(Task(network, noise(), ROWS, LABELS, 4, 0), config(1, 1e-9, label_smoothing=0.2)).loss
    plain = train(Task(network, noise(), ROWS, LABELS, 4, 0), config(1, 1e-9)).loss
    opposite = train(Task(network, noise(), ROWS, 1 - LABELS, 4, 0), config(1, 1e-9)).loss
    np.testing.assert_allclose(smoothed, 0.9 * np.array(plain) + 0.1 * np.array(opposite), rtol=1e-5)


def test_clipped_gradients_take_a_limit_off_the_step() -> None:
    """Adam divides by the gradient's size, so that clipping shows in the second moment alone."""
    stepped = []
    for norm in (None, 1e-6):
        (trained,) = train_together([Task(network, noise(), ROWS, LABELS, 4, 0)], config(1, clip_norm=norm))
        stepped.append(torch.cat([weights.detach().flatten() for weights in trained.network.parameters()]))
    assert not torch.equal(*stepped)


def test_each_epoch_cuts_other_squares_out_and_leaves_the_rest() -> None:
    (images,), (whole,) = watched(20, 20, cutout_px=3), watched(20, 20)
    gone = (images == 0) & (whole != 0)
    assert torch.equal(gone, gone[:, :1].expand_as(gone)), "in all channels"
    assert (images[~gone] == whole[~gone]).all()
    counts = gone[:, 0].sum((1, 2))
    assert counts.max() == 9
    assert counts.min() >= 4, "a corner keeps at least two rows and columns of the square"
    first, second = (images == 0 for images in watched(20, 20, epochs=2, cutout_px=3))
    assert torch.equal(first, images == 0)
    assert not torch.equal(first, second)


def test_a_small_separable_problem_is_learned() -> None:
    view, labels = striped()
    training, validation = np.arange(30), np.arange(30, 40)
    trained = train(Task(network, view, training, labels[training], 8, 0), config(epochs=40, learning_rate=0.02))
    assert len(trained.loss) == 40
    assert trained.loss[-1] < 0.2 < trained.loss[0]
    assert (predict(trained.network, view, validation).argmax(1) == labels[validation]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_the_users_error(value: float) -> None:
    view = noise()
    view.chips[3] = value
    with pytest.raises(UserError, match=r"the training loss is nan after epoch 1; lower training\.learning_rate"):
        train(Task(network, view, ROWS, LABELS, 4, 0), config())


def test_a_learning_rate_that_is_too_high_is_the_users_error() -> None:
    with pytest.raises(UserError, match=r"the training loss is .* after epoch"):
        train(Task(network, noise(), ROWS, LABELS, 4, 0), config(epochs=5, learning_rate=1e30))


def test_one_chip_is_too_few() -> None:
    with pytest.raises(UserError, match="1 training chips; at least 2 are needed"):
        train(Task(network, noise(), ROWS[:1], LABELS[:1], 4, 0), config())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_cuda_where_there_is_none_is_refused() -> None:
    with pytest.raises(UserError, match=r"no CUDA device here"):
        train(Task(network, noise(), ROWS, LABELS, 4, 0), config(device="cuda"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_auto_is_the_cpu_where_there_is_no_cuda() -> None:
    assert train(Task(network, noise(), ROWS, LABELS, 4, 0), config(device="auto")).compute.name == "cpu"


def processor(monkeypatch: pytest.MonkeyPatch, multiplies_bf16: bool) -> None:
    monkeypatch.setattr(compute, "cpu_multiplies_bf16", lambda: multiplies_bf16)


def test_bf16_where_the_processor_does_not_multiply_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And before the network is built."""
    processor(monkeypatch, multiplies_bf16=False)

    def unbuildable() -> nn.Module:
        raise AssertionError

    with pytest.raises(UserError, match=r"does not multiply bf16; use auto or float32"):
        train(Task(unbuildable, noise(), ROWS, LABELS, 4, 0), config(device="cpu", precision="bf16"))


@pytest.mark.parametrize("multiplies_bf16", [False, True])
@pytest.mark.parametrize("asked", ["float32", "auto"])
def test_the_precision_is_that_of_the_processor_where_it_may_be(
    asked: str, multiplies_bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor(monkeypatch, multiplies_bf16)
    expected = "bf16" if asked == "auto" and multiplies_bf16 else "float32"
    assert Compute.choose(config(device="cpu", precision=asked)).precision == expected


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="no /proc/cpuinfo")
def test_what_the_processor_multiplies_is_what_its_flags_say() -> None:
    flags = Path("/proc/cpuinfo").read_text()
    assert compute.cpu_multiplies_bf16() == any(name in flags for name in ("avx512_bf16", "amx_bf16"))


def test_bf16_multiplies_in_bf16_and_trains() -> None:
    seen = []
    net = network()
    net.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    with pytest.MonkeyPatch.context() as monkeypatch:
        processor(monkeypatch, multiplies_bf16=True)  # or emulates it
        trained = train(Task(lambda: net, noise(), ROWS, LABELS, 4, 0), config(device="cpu", precision="bf16"))
    assert set(seen) == {torch.bfloat16}
    assert trained.compute.precision == "bf16"
    assert {weights.dtype for weights in net.parameters()} == {torch.float32}


def test_memory_is_this_process_s_own() -> None:
    before = Compute(torch.device("cpu"), "float32").memory_bytes()
    held = np.ones(30_000_000, dtype=np.float64)
    after = Compute(torch.device("cpu"), "float32").memory_bytes()
    assert 0.9 * held.nbytes < after - before < 1.2 * held.nbytes


def trained_network() -> nn.Module:
    return train(Task(network, noise(), ROWS, LABELS, 4, 0), config()).network


@pytest.mark.parametrize("count", [1, PREDICTION_BATCH, PREDICTION_BATCH + 1, 2 * PREDICTION_BATCH + 3])
def test_probabilities_come_in_the_order_of_the_rows(count: int) -> None:
    model, view = trained_network(), noise(2 * PREDICTION_BATCH + 3)
    rows = np.random.default_rng(1).permutation(2 * PREDICTION_BATCH + 3)[:count]
    found = predict(model, view, rows)
    inputs = torch.from_numpy(view.batch(rows)).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = torch.softmax(model.eval()(inputs), 1)
    assert found.shape == (count, 2)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_a_prediction_does_not_depend_on_its_neighbours_and_changes_nothing() -> None:
    model, view = trained_network(), noise()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    together = predict(model, view, ROWS)
    alone = np.concatenate([predict(model.train(), view, ROWS[[row]]) for row in ROWS])
    np.testing.assert_allclose(alone, together, atol=1e-6)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_it_cost_is_noted() -> None:
    build: Callable[[], nn.Module] = network
    trained = train(Task(build, noise(), ROWS, LABELS, 4, 0), config())
    assert trained.seconds > 0
    assert trained.peak_memory_bytes > 10_000_000
    assert trained.compute.name == "cpu"


@pytest.mark.parametrize("average", [0.0, 0.8])
def test_the_epoch_with_the_lowest_loss_on_the_chips_set_aside_is_kept(average: float) -> None:
    view, labels = striped()
    labels = labels.copy()
    labels[10:30:3] ^= 1  # wrong labels, which a long training learns by heart
    part = (np.arange(10), labels[:10])
    rows = np.arange(10, 40)

    def trained(epochs: int, patience: int | None) -> Training:
        task = Task(network, view, rows, labels[rows], 8, 0, set_aside=part, last_epoch=epochs)
        return train(task, config(30, 0.05, patience=patience, weight_average=average))

    def loss(training: Training) -> float:
        return cross_entropy(part[1], predict(training.network, view, part[0]))

    losses = [loss(trained(epochs, None)) for epochs in range(1, 31)]
    kept = trained(30, 30)
    assert kept.kept_epoch == 1 + int(np.argmin(losses)) < 30
    assert len(kept.loss) == 30
    assert loss(kept) == min(losses)
    first_rise = next(epoch for epoch in range(1, 30) if losses[epoch] >= min(losses[:epoch]))
    assert len(trained(30, 1).loss) == first_rise + 1


def test_a_training_without_patience_keeps_its_last_epoch() -> None:
    task = Task(network, noise(), ROWS[5:], LABELS[5:], 4, 0, set_aside=(ROWS[:5], LABELS[:5]))
    plain = Task(network, noise(), ROWS[5:], LABELS[5:], 4, 0)
    kept, last = train(task, config(3)), train(plain, config(3))
    assert kept.kept_epoch == last.kept_epoch == 3
    assert kept.loss == last.loss


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(0, 5))
def test_balanced_epochs_hold_equally_many_chips_of_each_class(labels: list[int], seed: int) -> None:
    numbers = np.array(labels)
    order = epoch_order(numbers, "balanced", np.random.default_rng(seed))
    assert len(order) == len(numbers)
    counts = [int((numbers[order] == label).sum()) for label in set(labels)]
    assert max(counts) - min(counts) <= 1
    times = np.bincount(order, minlength=len(numbers))
    for label in set(labels):
        drawn = times[numbers == label]
        assert drawn.max() - drawn.min() <= 1
