"""Networks of one supernet in one file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from workflow_lib.data.dataset import ChipView
from workflow_lib.models.switchable import Turn
from workflow_lib.search.packed import Packed, describe_packed, pack
from workflow_lib.search.stored_supernet import StoredSupernet
from workflow_lib.search.supernet_pruning import keep_used
from workflow_lib.search.supernet_tables import PACKED
from workflow_lib.spaces.cross import cross_architecture as cross
from workflow_lib.spaces.nasbench201 import nasbench201_cell as nasbench201
from workflow_lib.spaces.nasbench201.nasbench201_cell import Skeleton
from workflow_lib.spaces.networks import without_dead_operations
from workflow_lib.training.compute import use_one_thread
from workflow_lib.training.supernet_training import SupernetTask, extract_network

NETWORKS = ["k5-s2-p1-pool3s2-w48", "k3-s2-p1-pool3s2-w32"]


@pytest.fixture(scope="module")
def task() -> SupernetTask:
    use_one_thread()
    pixels = np.random.default_rng(0).random((16, 40, 40, 2), dtype=np.float32)
    return SupernetTask(ChipView(pixels, [0, 1]), np.arange(16), np.arange(16) % 2, 4, seed=0)


def test_a_file_holds_what_its_networks_need_and_they_run_as_by_themselves(tmp_path: Path, task: SupernetTask) -> None:
    net = StoredSupernet.fresh("cross", cross.CHOICES, Skeleton(), 2, 2, seed=1)
    schedule = [Turn(NETWORKS[0], 0.0, 100.0), Turn(NETWORKS[1], 8.0, 30.0)]
    pack(net, NETWORKS, task, schedule).save(tmp_path / "packed.pt")
    packed = Packed.load(tmp_path / "packed.pt")
    assert packed.net.supernet.space.choices["initial_output_feature"] == [32, 48]
    assert packed.net.supernet.space.choices["stride"] == [2]
    runtime = packed.runtime()
    images = torch.rand(3, 2, 40, 40)
    for name in [*NETWORKS, NETWORKS[0]]:
        runtime.switch(name)
        with torch.inference_mode():
            expected = extract_network(net.supernet, name, task).eval()(images)
        torch.testing.assert_close(runtime(images), expected, rtol=0, atol=1e-5)
    runtime.switch_by_charge(29.0)
    assert runtime.running == NETWORKS[1]


def test_one_file_is_smaller_than_two(tmp_path: Path, task: SupernetTask) -> None:
    packed = pack(StoredSupernet.fresh("cross", cross.CHOICES, Skeleton(), 2, 2, seed=1), NETWORKS, task)
    table = describe_packed(packed, [(90.0, 0.3), (80.0, 0.5)]).assign(channels="2")
    PACKED.write(table, tmp_path / "packed.parquet")
    packed.save(tmp_path / "packed.pt")
    assert (table["shared_bytes"] < table["own_bytes"].sum()).all()
    assert (tmp_path / "packed.pt").stat().st_size == pytest.approx(table["shared_bytes"].iloc[0], rel=0.02)


def test_a_network_without_what_leads_nowhere_is_packed_from_a_pruned_supernet(task: SupernetTask) -> None:
    choices = nasbench201.space().choices
    whole = StoredSupernet.fresh("nasbench201", choices, Skeleton(width=4, cells=1), 2, 2, seed=1)
    held = "cell-conv3-none.none-skip.none.none-w4-n1-s0"
    net = replace(whole, supernet=keep_used(whole.supernet, [held]))
    proposed = without_dead_operations(held)
    assert proposed == "cell-none-none.none-skip.none.none-w4-n1-s0"
    packed = pack(net, [proposed], task)
    images = torch.rand(3, 2, 40, 40)
    with torch.inference_mode():
        expected = extract_network(whole.supernet, proposed, task).eval()(images)
    torch.testing.assert_close(packed.runtime()(images), expected)
