"""Each extension point, as a contributor meets it: one new file in a copy of the tree, and nothing else is edited."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from runs import ROOT, command, write_config

FIGURE = '''
"""How many chips each region has."""

from workflow_lib.data.chip_tables import CHIPS_RESULT
from workflow_lib.report.declaration import FigureDeclaration


def draw(given):
    from matplotlib.figure import Figure

    figure = Figure()
    counts = given[CHIPS_RESULT]["region"].value_counts()
    figure.subplots().bar(counts.index, counts)
    return figure


FIGURE = FigureDeclaration(
    title="Chips per region", caption="Toy caption: chips per region.", section="data", draw=draw, reads=(CHIPS_RESULT,)
)
'''
SECTION = '''
"""The most accurate candidates."""

from workflow_lib.analysis.candidate_tables import RANKED_RESULT
from workflow_lib.report.declaration import SectionDeclaration
from workflow_lib.report.text_table import make_table


def values(content):
    best = content[RANKED_RESULT].nlargest(3, "accuracy_pct")
    return {"Toy table": make_table({"Toy candidate": best["candidate"]}, texts=1)}


SECTION = SectionDeclaration(
    title="Toy section",
    reads=(RANKED_RESULT,),
    values=values,
    sentences=lambda content: [f"A toy sentence about {content.candidate_count} candidates."],
    caveats=lambda content: ["A toy caveat."],
)
'''
COST = '''
"""Number of layers."""

from workflow_lib.models.cost_declaration import CostDeclaration


def compute(network):
    return sum(1 for module in network.module.modules() if not list(module.children()))


COST = CostDeclaration(title="Number of layers", short="Layers", meaning="modules without children", compute=compute)
'''
DEVICE = '''
"""A device whose latency is the work of a network."""

from typing import Literal

from pydantic import Field

from workflow_lib.export.network_tables import NETWORKS
from workflow_lib.latency.device_kind import DeviceConfig, DeviceKind


class WorkConfig(DeviceConfig):
    """Latency is proportional to multiply-adds."""

    kind: Literal["work"] = Field(default="work", description="multiply-adds as latency")
    per_ms: float = Field(default=1e6, gt=0, description="multiply-adds per millisecond")


def predict(given):
    network = NETWORKS.read(given.files["network"])
    return {"latency_ms": float(network["multiply_adds"].iloc[0]) / given.settings.per_ms}


DEVICE_KIND = DeviceKind(
    settings=WorkConfig,
    inputs=lambda settings, precision: {"network": "export_network/{channels}/{architecture}/network.parquet"},
    predict=predict,
    words="A toy device does a million multiply-adds in a millisecond.",
    runs=lambda name, settings: ("none", "paper"),
)
'''
STRATEGY = '''
"""The last candidates of the grid."""

from pydantic import Field

from workflow_lib.core.section import Section
from workflow_lib.search.strategy_declaration import StrategyDeclaration


class BackwardsConfig(Section):
    """How it goes backwards."""

    skipped: int = Field(default=0, ge=0, description="candidates at the end that it leaves out")


def make(given):
    from workflow_lib.search.proposers import FixedList

    names = given.known["candidate"].tolist()[::-1]
    return FixedList(names[given.settings.skipped :])


STRATEGY = StrategyDeclaration(words="candidates from the last to the first", make=make, settings=BackwardsConfig)
'''
SPACE = '''
"""Two convolutions."""

from typing import Literal

from pydantic import Field

from workflow_lib.core.section import Section
from workflow_lib.spaces.network_counts import Costs
from workflow_lib.spaces.space import Space
from workflow_lib.spaces.space_declaration import SpaceDeclaration


class TwoLayersConfig(Section):
    """Two convolutions of a width."""

    name: Literal["two_layers"] = Field(default="two_layers", description="the space")
    width: list[int] = Field(default=[4, 8], description="width of the first (channels)")


class Network:
    def __init__(self, width):
        self.width = width

    def __str__(self):
        return f"two-w{self.width}"


def parse(text):
    return Network(int(text.removeprefix("two-w")))


def build(network, channels, classes):
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(channels, network.width, 3, 2), nn.ReLU(), nn.Conv2d(network.width, 8, 3, 2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes),
    )


SPACE = SpaceDeclaration(
    title="networks of two layers",
    label="two layers",
    pattern=r"two-w\\d+",
    parse=parse,
    build=build,
    count=lambda network, channels, classes, size_px: Costs(10**6, 10**4, 10**3),
    describe=lambda network: f"a network of two layers with width {network.width}",
    dimensions=lambda network: {"first width": network.width},
    settings=TwoLayersConfig,
    space=lambda settings: Space(
        {"width": settings.width}, lambda one: f"two-w{one['width']}", lambda text: {"width": parse(text).width}
    ),
)
'''
OWN = """
from torch import nn

CHOICES = {"width": (4, 8), "norm": (False, True)}


def build(choice, channels, classes):
    norm = nn.BatchNorm2d(choice["width"]) if choice["norm"] else nn.Identity()
    return nn.Sequential(
        nn.Conv2d(channels, choice["width"], 3, 2), norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(choice["width"], classes),
    )
"""


def extended(folder: Path, place: str, text: str) -> Path:
    """A copy of the tree with one more file."""
    folder.mkdir()
    for part in ("Snakefile", "rules", "profiles", "envs", "workflow_lib"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    file = folder / "workflow_lib" / place
    assert not file.exists()
    file.write_text(text.lstrip("\n"))
    return folder


def snakemake(tree: Path, own_run: Path, changes: dict[str, Any], *options: str) -> str:
    """Run the tiny scenario with the copy, in a copy of a finished run; what it printed."""
    config = write_config(own_run / "extended.yaml", changes)
    arguments = command(own_run, *options, config=config)
    arguments[arguments.index(str(ROOT / "Snakefile"))] = str(tree / "Snakefile")
    arguments[arguments.index(str(ROOT / "profiles" / "default"))] = str(tree / "profiles" / "default")
    result = subprocess.run(arguments, capture_output=True, text=True, cwd=tree)
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    return result.stdout + result.stderr


def report(own_run: Path) -> str:
    return (own_run / "results/tiny/build_report/report.html").read_text()


def table(own_run: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(own_run / "results/tiny" / f"{name}.parquet")


def test_a_figure_is_one_file(own_run: Path, tmp_path: Path) -> None:
    tree = extended(tmp_path / "tree", "report/figures/chips_per_region.py", FIGURE)
    snakemake(tree, own_run, {})
    assert (own_run / "results/tiny/plot_figure/chips_per_region.png").read_bytes().startswith(b"\x89PNG")
    pdf = "results/tiny/plot_figure/chips_per_region.pdf"
    snakemake(tree, own_run, {"report.pdf_figures": True}, pdf)
    assert (own_run / pdf).read_bytes().startswith(b"%PDF")
    page = report(own_run)
    assert page.index('id="data"') < page.index("Toy caption: chips per region.") < page.index('id="run"')


def test_a_section_is_one_file(own_run: Path, tmp_path: Path) -> None:
    tree = extended(tmp_path / "tree", "report/sections/toy.py", SECTION)
    output = snakemake(tree, own_run, {})
    assert "train_fold" not in output
    page = report(own_run)
    for words in ('href="#toy"', "A toy sentence about 2 candidates.", "Toy candidate", "A toy caveat."):
        assert words in page


def test_a_cost_is_one_file(own_run: Path, tmp_path: Path) -> None:
    tree = extended(tmp_path / "tree", "costs/layers.py", COST)
    objectives = [
        {"name": "accuracy_pct", "direction": "max"}, {"name": "latency_mean_ms", "direction": "min"},
        {"name": "layers", "direction": "min"},
    ]  # fmt: skip
    snakemake(tree, own_run, {"front.objectives": objectives, "efficiency.inputs": ["layers"]})
    assert (table(own_run, "gather_table/networks")["layers"] > 20).all()
    assert "layers" in table(own_run, "build_candidates/candidates")
    assert "own_layers" in table(own_run, "score_efficiency/efficiency")
    assert "Number of layers" in report(own_run)


def test_a_device_kind_is_one_file(own_run: Path, tmp_path: Path) -> None:
    tree = extended(tmp_path / "tree", "devices/work.py", DEVICE)
    snakemake(tree, own_run, {"devices": {"toy": {"kind": "work", "per_ms": 1e6}}})
    latencies = table(own_run, "gather_table/latencies").merge(table(own_run, "gather_table/networks"))
    assert (latencies["latency_ms"] == latencies["multiply_adds"] / 1e6).all()
    assert set(latencies["predictor"]) == {"work"}
    assert "latency_toy_ms" in table(own_run, "build_front/ranked")
    assert "A toy device does a million multiply-adds in a millisecond." in report(own_run)


def test_a_strategy_is_one_file(own_run: Path, tmp_path: Path) -> None:
    tree = extended(tmp_path / "tree", "search/strategies/backwards.py", STRATEGY)
    changes = {"search": {"strategy": "backwards", "candidates": 1, "backwards": {"skipped": 1}}}
    config = write_config(own_run / "extended.yaml", changes)
    for target in (["results/tiny/propose_candidates/0.parquet"], []):
        snakemake(tree, own_run, changes, *target)
    assert config.exists()
    proposals = table(own_run, "propose_candidates/0")
    grid = [name for name in table(own_run, "gather_table/networks")["architecture"] if not name.startswith("k7")]
    assert proposals["architecture"].tolist() == [grid[-2]]
    assert "The search (backwards) chose 1 of 2 candidates" in report(own_run)


def test_a_space_is_one_file(own_run: Path, tmp_path: Path) -> None:
    tree = extended(tmp_path / "tree", "spaces/two_layers.py", SPACE)
    snakemake(tree, own_run, {"grid.space": {"name": "two_layers", "width": [4, 6]}})
    candidates = table(own_run, "build_candidates/candidates")
    assert set(candidates.loc[~candidates["baseline"], "architecture"]) == {"two-w4", "two-w6"}
    assert (candidates["latency_mean_ms"] > 0).all()
    page = report(own_run)
    assert "networks of two layers: 2 raw configurations, 2 distinct networks" in page
    assert "First width" in page
    assert "a network of two layers with width" in page


@pytest.fixture
def own_networks(own_run: Path) -> Path:
    (own_run / "my_networks.py").write_text(OWN)
    return own_run


def test_networks_of_your_own_are_one_file_outside_the_project(own_networks: Path) -> None:
    changes = {"grid.space": {"file": "my_networks.py"}}
    snakemake(ROOT, own_networks, changes, "all", "deploy")
    candidates = table(own_networks, "build_candidates/candidates")
    names = {f"own-mynetworks-width{width}-norm.{norm}" for width in (4, 8) for norm in ("false", "true")}
    assert set(candidates.loc[~candidates["baseline"], "architecture"]) == names
    assert "a network of mynetworks with width" in report(own_networks)
    assert (own_networks / "results/tiny/deploy_model/recommended/model.onnx").exists()
    file = own_networks / "my_networks.py"
    file.write_text(file.read_text() + "# an edit\n")
    plan = snakemake(ROOT, own_networks, changes, "--dry-run")
    reruns = plan[plan.index("Reasons:") :] if "Reasons:" in plan else plan
    assert "train_fold" in reruns and "export_network" in reruns
    assert "import_chips" not in reruns and "assign_folds" not in reruns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CHOICES = {'width': (4,)}\n", "has no function build(choice, channels, classes)"),
        ("def build(choice, channels, classes): ...\n", "has no CHOICES"),
        ("CHOICES = {'width': [[1, 2]]}\ndef build(*_): ...\n", "the value [1, 2], which is not hashable"),
        ("CHOICES = {'w': (1, '1')}\ndef build(*_): ...\n", "two choices have the id own-mynetworks-w1"),
        ("CHOICES = {'w 1': (1,)}\ndef build(*_): ...\n", "has the name 'w 1'"),
        ("CHOICES = {'w': ('a/b',)}\ndef build(*_): ...\n", "cannot be part of a file name"),
        ("CHOICES = sorted([2, 1])\ndef build(*_): ...\n", "must be a dictionary"),
        ("CHOICES = dict(w=range(1 // 0))\ndef build(*_): ...\n", "cannot be run (ZeroDivisionError"),
        ("def (:\n", "is not a valid Python file"),
        (None, "no such file"),
    ],
)
def test_files_that_describe_no_networks_are_refused_in_one_line(
    tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "my_networks.py").write_text(text)
    config = write_config(tmp_path / "own.yaml", {"grid.space": {"file": "my_networks.py"}})
    result = subprocess.run(
        [*command(tmp_path, "--dry-run", config=config)], capture_output=True, text=True, cwd=tmp_path
    )
    assert result.returncode == 2
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, result.stderr
    assert message in errors[0]
    assert "my_networks.py" in errors[0]
    assert "Traceback" not in result.stderr


def test_a_module_of_the_wrong_shape_ends_its_jobs_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(
        OWN.replace('nn.Linear(choice["width"], classes)', 'nn.Linear(choice["width"], 7)')
    )
    stage = [
        sys.executable, "-m", "workflow_lib.stages.export_network", "--channels=6", "--inputs=6", "--classes=2",
        "--chip-size-px=48", "--architecture=own-wrong-width4-norm.true", "--deployed=d.onnx", "--paper=p.onnx",
        "--detection=g.onnx", "--output=o.parquet",
    ]  # fmt: skip
    environment = {"PYTHONPATH": str(ROOT), "EDGEFRONT_NETWORKS": str(tmp_path / "wrong.py"), "PATH": "/usr/bin:/bin"}
    result = subprocess.run(stage, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert result.returncode == 2
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert "(2, 7)" in line and "(2, 2)" in line
    assert not list(tmp_path.glob("*.onnx"))
