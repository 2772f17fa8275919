"""NNI's view of the CROSS space against the declaration and against CrossNet."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

pytest.importorskip("nni", reason="the optional extra 'nni' is not installed")

# Before NNI itself: it silences two warnings of NNI's import, which pytest would turn into errors.
from workflow_lib.search.nni_space import CrossModelSpace, architecture_of, grid_samples, main

# isort: split
import nni
from nni.nas.evaluator import FunctionalEvaluator
from nni.nas.evaluator.pytorch import Classification, DataLoader
from nni.nas.execution import SequentialExecutionEngine
from nni.nas.space import RawFormatModelSpace, SimplifiedModelSpace
from nni.nas.strategy import GridSearch, Random, RandomOneShot, Strategy

from workflow_lib.core.errors import ConfigError
from workflow_lib.spaces.cross.cross_architecture import CHOICES, Architecture, architectures, raw_configurations
from workflow_lib.spaces.cross.cross_module import CrossNet

CHANNELS, CLASSES = 5, 2
Shapes = list[tuple[str, torch.Size]]
Built = tuple[Architecture, Shapes]


@pytest.fixture(scope="module")
def space() -> CrossModelSpace:
    with torch.device("meta"):
        return CrossModelSpace(CHANNELS, CLASSES)


def shapes(network: torch.nn.Module) -> Shapes:
    return [(name, tensor.shape) for name, tensor in network.state_dict().items()]


def run(strategy: Strategy, space: CrossModelSpace, trials: int | None = None) -> list[Built]:
    """What an NNI strategy submits to an NNI engine: each network as NNI itself builds it for training."""
    submitted: list[Built] = []

    def evaluate(network: torch.nn.Module) -> None:
        submitted.append((architecture_of(nni.get_current_parameter().sample), shapes(network)))
        nni.report_final_result(0.0)

    with torch.device("meta"):
        model_space = SimplifiedModelSpace.from_model(space, FunctionalEvaluator(evaluate))
        strategy(model_space, SequentialExecutionEngine(max_model_count=trials))
    return submitted


def test_labels_and_values_are_the_declaration(space: CrossModelSpace) -> None:
    choices = {label: tuple(map(int, choice.values)) for label, choice in space.simplify().items()}
    assert choices == CHOICES


def test_grid_is_every_raw_configuration_once(space: CrossModelSpace) -> None:
    samples = [{label: int(value) for label, value in sample.items()} for sample in grid_samples(space)]
    assert len(samples) == 288
    assert {tuple(sorted(sample.items())) for sample in samples} == {
        tuple(sorted(configuration.items())) for configuration in raw_configurations()
    }


def test_grid_builds_each_network_as_often_as_the_declaration(space: CrossModelSpace) -> None:
    proposed = Counter(map(architecture_of, grid_samples(space)))
    assert proposed == Counter(map(Architecture.from_configuration, raw_configurations()))
    assert proposed.keys() == set(architectures())


def test_nni_grid_search_builds_the_same_networks(space: CrossModelSpace) -> None:
    submitted = run(GridSearch(shuffle=False), space)
    assert [architecture for architecture, _ in submitted] == list(map(architecture_of, grid_samples(space)))
    for architecture, built in submitted:
        with torch.device("meta"):
            assert built == shapes(CrossNet(architecture, CHANNELS, CLASSES)), str(architecture)


def test_nni_random_search_stays_in_the_space(space: CrossModelSpace) -> None:
    submitted = run(Random(seed=1), space, trials=20)
    assert len(submitted) == 20
    assert {architecture for architecture, _ in submitted} <= set(architectures())


def test_frozen_networks_have_the_parameters_of_ours(space: CrossModelSpace) -> None:
    with torch.device("meta"):
        for sample in {architecture_of(sample): sample for sample in grid_samples(space)}.values():
            ours = CrossNet(architecture_of(sample), CHANNELS, CLASSES)
            assert shapes(space.freeze(sample)) == shapes(ours), str(sample)


@pytest.mark.parametrize("position", [0, 5, 99, 170, 281])  # the five pools, three widths
def test_frozen_networks_give_the_outputs_of_ours(position: int) -> None:
    torch.manual_seed(position)
    space = CrossModelSpace(CHANNELS, CLASSES)
    sample = list(grid_samples(space))[position]
    ours = CrossNet(architecture_of(sample), CHANNELS, CLASSES)
    theirs = space.freeze(sample)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, CHANNELS, 40, 40)
    for mode in (True, False):  # training first: it moves the running statistics that evaluation reads
        assert torch.equal(ours.train(mode)(images), theirs.train(mode)(images)), str(sample)


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on loaders and workers
def test_one_shot_search_trains_shared_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # Lightning writes to the working directory unless told otherwise
    data = [(torch.randn(CHANNELS, 40, 40), label % CLASSES) for label in range(8)]
    evaluator = Classification(
        train_dataloaders=DataLoader(data, batch_size=4),
        val_dataloaders=DataLoader(data, batch_size=4),
        num_classes=CLASSES,
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    strategy = RandomOneShot()
    strategy(RawFormatModelSpace(CrossModelSpace(CHANNELS, CLASSES), evaluator), SequentialExecutionEngine())
    (best,) = strategy.list_models()
    assert architecture_of(best.sample) in architectures()


@pytest.mark.parametrize(
    "change", [{"pool_choice": "2"}, {"kernel_size": 4}, {"depth": 18}], ids=["layer", "value", "label"]
)
def test_a_changed_sample_is_refused(space: CrossModelSpace, change: dict[str, int | str]) -> None:
    with pytest.raises(ConfigError, match="not a sample of the CROSS space"):
        architecture_of({**next(grid_samples(space)), **change})


def test_a_sample_of_another_space_is_refused() -> None:
    with pytest.raises(ConfigError, match="not a sample of the CROSS space"):
        architecture_of({"kernel_size": 3})


def test_the_grid_is_written_with_the_networks_it_stands_for(tmp_path: Path) -> None:
    main(["--channels=5", "--classes=2", f"--output={tmp_path / 'samples.jsonl'}"])
    lines = [json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines()]
    assert len(lines) == 288
    assert len({line["architecture"] for line in lines}) == 180
    assert all(str(architecture_of(line["sample"])) == line["architecture"] for line in lines)
