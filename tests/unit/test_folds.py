"""Which chips train and which validate: no ground on both sides, whatever the coordinate system."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from examples import config, config_values
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.warp import transform
from scipy.spatial import cKDTree
from sklearn.model_selection import StratifiedKFold

import workflow_lib
from workflow_lib.config import parse_config
from workflow_lib.core.errors import ConfigError, UserError
from workflow_lib.data.chip_tables import CHIPS, FOLDS
from workflow_lib.data.chips import import_chips
from workflow_lib.data.fold_config import FoldsConfig
from workflow_lib.data.folds import assign_folds

SIDE_M = 500.0
ROLES = {"training", "set_aside", "validation", "buffer", "holdout"}


def chip_table(
    lefts: Sequence[float], bottoms: Sequence[float], side: float = SIDE_M, crs: str = "EPSG:26914", region: str = "A"
) -> pd.DataFrame:
    """Square chips by their lower left corners; classes take turns."""
    left, bottom = np.asarray(lefts, dtype=float), np.asarray(bottoms, dtype=float)
    classes = ["FT"[number % 2] for number in range(len(left))]
    frame = pd.DataFrame({"chip": range(len(left)), "region": region, "class": classes})
    return frame.assign(
        file="chip.tif", x=left + side / 2, y=bottom + side / 2,
        left=left, bottom=bottom, right=left + side, top=bottom + side, crs=crs,
    )  # fmt: skip


def grid(columns: int, rows: int, spacing: float, **options: Any) -> pd.DataFrame:
    places = np.array(list(product(range(rows), range(columns)))) * spacing
    return chip_table(places[:, 1] + 500_000, places[:, 0] + 5_200_000, **options)


def folds_config(**values: Any) -> FoldsConfig:
    return FoldsConfig.model_validate(values)


def roles_of(folds: pd.DataFrame, fold: int) -> NDArray[np.object_]:
    return folds[folds["fold"] == fold].sort_values("chip")["role"].to_numpy(dtype=object)


def gap(chips: pd.DataFrame, first: int, second: int) -> float:
    """Distance between two footprints of one CRS, one coordinate after the other."""
    a, b = chips.iloc[first], chips.iloc[second]
    dx = max(0.0, b["left"] - a["right"], a["left"] - b["right"])
    dy = max(0.0, b["bottom"] - a["top"], a["bottom"] - b["top"])
    return float(np.hypot(dx, dy))


# Every kind of fold


@pytest.mark.parametrize("seed", [0, 42])
def test_stratified_is_scikit_learns(seed: int) -> None:
    chips = grid(10, 7, 600).assign(**{"class": np.random.default_rng(1).choice(["F", "T"], 70, p=[0.3, 0.7])})
    folds = assign_folds(chips, folds_config(method="stratified", count=5), seed)
    expected = StratifiedKFold(5, shuffle=True, random_state=seed).split(np.zeros(70), chips["class"])
    for fold, (training, validation) in enumerate(expected):
        roles = roles_of(folds, fold)
        np.testing.assert_array_equal(np.flatnonzero(roles == "training"), training)
        np.testing.assert_array_equal(np.flatnonzero(roles == "validation"), validation)


@pytest.mark.parametrize(
    "values",
    [
        {"method": "stratified", "count": 4},
        {"method": "stratified", "count": 3, "holdout": {"method": "share", "share": 0.25}},
        {"method": "spatial_block", "count": 3},
        {"method": "spatial_block", "count": 3, "buffer_m": 300, "holdout": {"method": "spatial_block", "share": 0.2}},
        {"method": "spatial_block", "count": 2, "holdout": {"method": "share", "share": 0.1}},
        {"method": "stratified", "count": 3, "holdout": {"method": "spatial_block", "share": 0.2}},
    ],
)
def test_each_chip_has_one_role_per_fold_and_validates_at_most_once(values: dict[str, Any], tmp_path: Path) -> None:
    chips = grid(14, 14, 450)
    folds = assign_folds(chips, folds_config(**values), 42)
    FOLDS.write(folds, tmp_path / "folds.parquet")
    assert len(folds) == len(chips) * values["count"]
    assert set(folds["role"]) <= ROLES
    outside = [set(np.flatnonzero(roles_of(folds, fold) == "holdout")) for fold in range(values["count"])]
    assert all(chips == outside[0] for chips in outside)
    assert bool(outside[0]) == ("holdout" in values)
    validated = folds[folds["role"] == "validation"]["chip"]
    assert validated.is_unique
    if values["method"] == "stratified" and values.get("holdout", {}).get("method") != "spatial_block":
        assert set(validated) | outside[0] == set(chips["chip"])


@pytest.mark.parametrize("method", ["stratified", "spatial_block"])
def test_the_same_seed_gives_the_same_folds_and_another_gives_others(method: str) -> None:
    chips, values = grid(10, 10, 600), folds_config(method=method, count=3, block_m=1200)
    first = assign_folds(chips, values, 1)
    pd.testing.assert_frame_equal(first, assign_folds(chips, values, 1))
    assert not first.equals(assign_folds(chips, values, 2))


def test_a_share_is_held_out_by_class() -> None:
    chips = grid(20, 10, 600).assign(**{"class": ["F"] * 150 + ["T"] * 50})
    roles = roles_of(assign_folds(chips, folds_config(holdout={"method": "share", "share": 0.2}), 0), 0)
    assert chips["class"][roles == "holdout"].value_counts().to_dict() == {"F": 30, "T": 10}


def test_one_split_is_the_same_for_all_seeds_of_a_training() -> None:
    chips = chip_table(np.arange(40) * 1000.0, np.zeros(40))
    table = assign_folds(chips, FoldsConfig(method="one_split", count=3, validation_share=0.25), 5)
    assert sorted(table["fold"].unique()) == [0, 1, 2]
    roles = [part["role"].tolist() for _, part in table.groupby("fold")]
    assert roles[0] == roles[1] == roles[2]
    assert table[(table["fold"] == 0) & (table["role"] == "validation")]["chip"].size == 10
    validating = chips.loc[np.array(roles[0]) == "validation", "class"]
    assert validating.value_counts().to_dict() == {"F": 5, "T": 5}
    with pytest.raises(UserError, match=r"folds.validation_share"):
        assign_folds(chips[:4], FoldsConfig(method="one_split", count=2, validation_share=0.01), 5)


def test_the_chip_table_is_not_modified() -> None:
    chips = grid(8, 8, 0.01, side=0.005, crs="EPSG:4326").assign(left=lambda c: c["left"] - 500_000 - 97)
    chips = chips.assign(right=chips["left"] + 0.005, bottom=chips["bottom"] - 5_200_000 + 47)
    chips = chips.assign(top=chips["bottom"] + 0.005, x=chips["left"], y=chips["bottom"])
    before = chips.copy()
    assign_folds(chips, folds_config(method="spatial_block", count=2), 0)
    pd.testing.assert_frame_equal(chips, before)


# Regions


def regions(*names: str, distance_m: float = 50_000) -> pd.DataFrame:
    parts = [grid(6, 5, 600, region=name) for name in names]
    moved = [part.assign(**{key: part[key] + number * distance_m for key in ("x", "left", "right")})
             for number, part in enumerate(parts)]  # fmt: skip
    return pd.concat(moved, ignore_index=True).assign(chip=range(30 * len(names)))


def test_region_leaves_one_region_out_per_fold() -> None:
    chips = regions("C", "A", "B")
    folds = assign_folds(chips, folds_config(method="region", count=3), 0)
    for fold, region in enumerate("ABC"):
        roles = roles_of(folds, fold)
        assert set(chips["region"][roles == "validation"]) == {region}
        assert set(chips["region"][roles == "training"]) == set("ABC") - {region}


def test_a_held_out_region_is_in_no_fold() -> None:
    chips = regions("A", "B", "C")
    folds = assign_folds(
        chips, folds_config(method="region", count=2, holdout={"method": "region", "regions": ["B"]}), 0
    )
    assert set(folds[folds["role"] == "holdout"]["chip"]) == set(chips["chip"][chips["region"] == "B"])
    assert set(folds["fold"]) == {0, 1}


def test_neighbouring_regions_are_kept_apart() -> None:
    chips = regions("A", "B", "C", distance_m=6 * 600)
    folds = assign_folds(chips, folds_config(method="region", count=3, buffer_m=150), 0)
    for fold in range(3):
        roles = roles_of(folds, fold)
        validating = np.flatnonzero(roles == "validation")
        for chip in np.flatnonzero(np.isin(roles, ["training", "buffer"])):
            near = min(gap(chips, chip, other) for other in validating) <= 150
            assert (roles[chip] == "buffer") == near


# The buffer, against a slow oracle


@settings(max_examples=25, phases=[Phase.generate])  # looking for a smaller failing example takes minutes
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=24, max_size=40),
    st.sampled_from([0, 100, 250, 500]),
    st.sampled_from(["none", "spatial_block"]),
)
def test_the_buffer_is_every_chip_within_its_distance_and_no_other(
    places: list[tuple[int, int]], buffer_m: int, holdout: str
) -> None:
    corners = np.array(places) * 100.0
    chips = chip_table(corners[:, 0] + 500_000, corners[:, 1] + 5_200_000, side=200)
    values = folds_config(
        method="spatial_block", count=2, block_m=900, buffer_m=buffer_m, holdout={"method": holdout, "share": 0.3}
    )
    try:
        folds = assign_folds(chips, values, 0)
    except UserError:
        return  # too few blocks or classes; the message is tested below
    for fold in range(2):
        roles = roles_of(folds, fold)
        held_out, validating = np.flatnonzero(roles == "holdout"), np.flatnonzero(roles == "validation")
        for chip in np.flatnonzero(roles != "holdout"):
            against = held_out if roles[chip] == "validation" else [*held_out, *validating]
            near = any(gap(chips, chip, other) <= buffer_m for other in against)
            assert (roles[chip] == "buffer") == near


def test_touching_chips_are_never_on_two_sides() -> None:
    chips = grid(12, 12, SIDE_M)
    folds = assign_folds(chips, folds_config(method="spatial_block", count=3, block_m=1500), 0)
    for fold in range(3):
        roles = roles_of(folds, fold)
        for chip, other in product(np.flatnonzero(roles == "training"), np.flatnonzero(roles == "validation")):
            assert gap(chips, chip, other) > 0


def test_a_block_is_never_split() -> None:
    chips = grid(12, 12, 600)
    folds = assign_folds(chips, folds_config(method="spatial_block", count=3, block_m=1800), 0)
    blocks = (chips["x"] // 1800).astype(str) + (chips["y"] // 1800).astype(str)
    for fold in range(3):
        validating = roles_of(folds, fold) == "validation"
        assert not set(blocks[validating]) & set(blocks[~validating])


# Other coordinate systems: distances measured on the ground, whatever the numbers in the table mean

SAMPLES = 21


class Place:
    """A stretch of land with metres of its own: an azimuthal equidistant projection around its middle."""

    def __init__(self, latitude: float, longitude: float) -> None:
        self.crs = f"+proj=aeqd +lat_0={latitude} +lon_0={longitude} +datum=WGS84 +units=m +no_defs"

    def chips(self, crs: Sequence[str], places: NDArray[np.float64], side: float, region: str) -> pd.DataFrame:
        """Square chips around places in this land's metres; each in its own CRS, whose unit `side` has."""
        parts = []
        for name in dict.fromkeys(crs):
            here = places[np.array(crs) == name]
            x, y = transform(self.crs, name, here[:, 0], here[:, 1])
            parts.append(chip_table(np.array(x) - side / 2, np.array(y) - side / 2, side, name, region))
        return pd.concat(parts, ignore_index=True).assign(chip=range(len(places)))

    def ground(self, chips: pd.DataFrame) -> NDArray[np.float64]:
        """(chips, samples, 2) points of each footprint, edges included, in this land's metres."""
        steps = np.linspace(0, 1, SAMPLES)
        points = []
        for row in chips.itertuples():
            x, y = np.meshgrid(row.left + steps * (row.right - row.left), row.bottom + steps * (row.top - row.bottom))
            points.append(np.transpose(transform(row.crs, self.crs, x.ravel(), y.ravel())))
        return np.array(points)


def square(count: int, spacing_m: float) -> NDArray[np.float64]:
    """Places on a square grid around a land's middle."""
    steps = (np.arange(count) - (count - 1) / 2) * spacing_m
    return np.array(list(product(steps, steps)))


def ground_distance(ground: NDArray[np.float64], chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Distance (metres, never too small) of each chip's footprint to the nearest of the chosen chips."""
    tree = cKDTree(ground[chosen].reshape(-1, 2))
    distances: NDArray[np.float64] = tree.query(ground.reshape(-1, 2))[0].reshape(len(ground), -1).min(1)
    return distances


def assert_apart(ground: NDArray[np.float64], folds: pd.DataFrame, buffer_m: float, slack_m: float) -> None:
    """No training chip within the buffer of a validation chip, and no chip dropped that is far from all of them."""
    for fold in sorted(set(folds["fold"])):
        roles = roles_of(folds, fold)
        distance = ground_distance(ground, np.flatnonzero(roles == "validation"))
        assert (roles == "buffer").any()
        # A projected metre may be 0.1 % off; the tables promise no more.
        assert distance[roles == "training"].min() > buffer_m * 0.998
        assert distance[roles == "buffer"].max() < buffer_m * 1.002 + slack_m


def test_the_buffer_holds_across_two_utm_zones() -> None:
    land = Place(47, -96)  # where zones 14 and 15 meet
    places = square(14, 400)
    chips = land.chips(["EPSG:32614" if x < 0 else "EPSG:32615" for x in places[:, 0]], places, 500, "A")
    assert set(chips["crs"]) == {"EPSG:32614", "EPSG:32615"}
    folds = assign_folds(chips, folds_config(method="spatial_block", count=3, block_m=1500, buffer_m=600), 0)
    assert_apart(land.ground(chips), folds, 600, slack_m=80)


def test_the_buffer_holds_between_regions_in_two_crs() -> None:
    land = Place(47, -96)
    places = square(12, 450)
    west = places[:, 0] < 0
    parts = [
        land.chips(["EPSG:32614"] * int(west.sum()), places[west], 500, "West"),
        land.chips(["EPSG:4269"] * int((~west).sum()), places[~west], 0.005, "East"),
    ]
    chips = pd.concat(parts, ignore_index=True).assign(chip=range(len(places)))
    folds = assign_folds(chips, folds_config(method="region", count=2, buffer_m=300), 0)
    assert_apart(land.ground(chips), folds, 300, slack_m=80)


@pytest.mark.parametrize(
    ("crs", "side", "latitude", "longitude"),
    [
        ("EPSG:4326", 0.0055, 47, -97.5),
        ("EPSG:4269", 0.0055, 38, -121),
        ("EPSG:4326", 0.0055, -33, 151),
        ("EPSG:3435", 1640.4, 40, -88.3),
        ("EPSG:2264", 1640.4, 35.5, -79),
        ("EPSG:3857", 700, 47, -97.5),
    ],
    ids=["degrees", "NAD83 degrees", "southern degrees", "feet", "other feet", "web Mercator"],
)
def test_the_buffer_is_in_metres_on_the_ground(crs: str, side: float, latitude: float, longitude: float) -> None:
    land = Place(latitude, longitude)
    chips = land.chips([crs] * 196, square(14, 400), side, "A")
    folds = assign_folds(chips, folds_config(method="spatial_block", count=3, block_m=1500, buffer_m=600), 0)
    assert_apart(land.ground(chips), folds, 600, slack_m=80)


def test_regions_far_apart_in_one_geographic_crs_keep_their_buffers() -> None:
    lands = {"California": Place(39, -121), "Illinois": Place(40, -89)}
    # Small chips, 22 m to the north, with gaps just below the buffer.
    parts = [land.chips(["EPSG:4326"] * 144, square(12, 22 + 590), 0.0002, name) for name, land in lands.items()]
    chips = pd.concat(parts, ignore_index=True).assign(chip=range(288))
    folds = assign_folds(chips, folds_config(method="spatial_block", count=2, block_m=3000, buffer_m=600), 0)
    for name, land in lands.items():
        inside = (chips["region"] == name).to_numpy()
        ground = land.ground(chips[inside])
        for fold in range(2):
            roles = roles_of(folds, fold)[inside]
            distance = ground_distance(ground, np.flatnonzero(roles == "validation"))
            assert distance[roles == "training"].min() > 600 * 0.998, name


# What is refused


@pytest.mark.parametrize(
    ("chips", "values", "expected"),
    [
        (grid(3, 1, 600), {"method": "stratified", "count": 5}, "1 chips of the rarest class, but 5 are needed"),
        (grid(6, 6, 600), {"method": "spatial_block", "block_m": 1e6}, "blocks of 1e+06 m, but 5 are needed"),
        (grid(6, 6, 600), {"method": "region", "count": 2}, "1 regions with usable chips, but 2 are needed"),
        (grid(6, 6, 600).assign(crs=""), {"method": "spatial_block"}, "chips without a CRS"),
        (
            grid(6, 6, 600),
            {"method": "spatial_block", "count": 2, "block_m": 1800, "buffer_m": 9000},
            "fold 0 has no training chip of class F, T",
        ),
        (
            grid(6, 6, 600),
            {"method": "spatial_block", "block_m": 1e6, "holdout": {"method": "spatial_block"}},
            "blocks of 1e+06 m, but 5 are needed",
        ),
    ],
)
def test_too_little_to_divide_is_refused(chips: pd.DataFrame, values: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError) as caught:
        assign_folds(chips, folds_config(**values), 0)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("chips", "values"),
    [
        (grid(4, 2, 2000), {"method": "spatial_block", "count": 5, "block_m": 1000}),
        (
            grid(6, 6, 600).assign(**{"class": ["T"] + ["F"] * 35}),
            {"count": 2, "holdout": {"method": "share", "share": 0.2}},
        ),
        (grid(4, 1, 600), {"count": 2, "holdout": {"method": "share", "share": 0.2}}),
        (grid(10, 1, 600), {"count": 2, "holdout": {"method": "share", "share": 0.9}}),
        (
            grid(5, 4, 2000),
            {"method": "spatial_block", "count": 2, "holdout": {"method": "spatial_block", "share": 0.05}},
        ),
    ],
    ids=[
        "fewer chips of each class than folds",
        "one chip of a class",
        "a share of less than a chip per class",
        "less than a chip per class left",
        "fewer chips of each class than parts of the hold-out",
    ],
)
def test_what_scikit_learn_refuses_is_the_users_error(chips: pd.DataFrame, values: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        assign_folds(chips, folds_config(**values), 0)


@pytest.mark.parametrize("seed", [0, 2**32 - 1])
def test_the_smallest_and_the_largest_seed_divide_chips(seed: int) -> None:
    folds = assign_folds(grid(6, 6, 600), folds_config(count=2), config({"seed": seed}).seed)
    assert len(folds) == 2 * 36


@pytest.mark.parametrize("seed", [-1, 2**32, 2**64])
def test_seeds_beyond_are_refused(seed: int) -> None:
    with pytest.raises(ConfigError, match="seed"):
        config({"seed": seed})


def test_a_spatial_hold_out_is_about_its_share_or_refused() -> None:
    chips = grid(30, 30, 600)
    for share in (0.1, 0.2, 0.3, 0.4, 0.6):
        values = {"method": "spatial_block", "count": 2, "holdout": {"method": "spatial_block", "share": share}}
        roles = roles_of(assign_folds(chips, folds_config(**values), 0), 0)
        assert (roles == "holdout").mean() == pytest.approx(share, abs=0.05)


# Real chips: cut every 150 m, 500 m wide, at the same places in two years, from a scene divided into two regions

CELL_M = 1.0  # the grids of the two years are 2 and 3 m apart, so cells of a metre fit both


@pytest.fixture(scope="session")
def naip(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = shared / "data" / "naip_water"
    if not folder.is_dir():
        pytest.skip(f"the real chips are not here: no folder {folder}")
    scenario = Path(workflow_lib.__file__).parents[1] / "config" / "scenarios" / "naip_water.yaml"
    data = parse_config(yaml.safe_load(scenario.read_text())).data
    folder_out = tmp_path_factory.mktemp("naip")
    imported = import_chips(data, folder, folder_out / "chips.npy")
    (folder_out / "chips.npy").unlink()
    CHIPS.write(imported.chips, folder_out / "chips.parquet")
    return CHIPS.read(folder_out / "chips.parquet")


def ground_cells(chips: pd.DataFrame, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which cells of the ground the chosen chips show."""
    west, south = chips["left"].min(), chips["bottom"].min()
    shape = (int((chips["top"].max() - south) / CELL_M), int((chips["right"].max() - west) / CELL_M))
    cells = np.zeros(shape, dtype=bool)
    for row in chips[chosen].itertuples():
        rows = slice(round((row.bottom - south) / CELL_M), round((row.top - south) / CELL_M))
        columns = slice(round((row.left - west) / CELL_M), round((row.right - west) / CELL_M))
        cells[rows, columns] = True
    return cells


@pytest.mark.xdist_group("naip")
@pytest.mark.parametrize(
    "values",
    [
        {"method": "spatial_block", "count": 3, "block_m": 1500},
        {"method": "spatial_block", "count": 2, "block_m": 1000, "buffer_m": 100},
        {"method": "region", "count": 2},
        {"method": "spatial_block", "count": 2, "block_m": 700, "holdout": {"method": "spatial_block", "share": 0.2}},
        {"method": "stratified", "count": 2, "holdout": {"method": "spatial_block", "share": 0.3}, "block_m": 1000},
    ],
    ids=["blocks", "blocks with a buffer", "regions", "blocks and hold-out", "hold-out alone"],
)
def test_no_pixel_of_real_ground_is_on_both_sides(naip: pd.DataFrame, values: dict[str, Any]) -> None:
    folds = assign_folds(naip, folds_config(**values), 42)
    for fold in range(values["count"]):
        roles = roles_of(folds, fold)
        sides = {role: ground_cells(naip, roles == role) for role in ROLES}
        assert sides["training"].any()
        if values["method"] != "stratified":
            assert not (sides["training"] & sides["validation"]).any()
        assert not (sides["holdout"] & (sides["training"] | sides["validation"])).any()
        assert sides["holdout"].any() == ("holdout" in values)


@pytest.mark.xdist_group("naip")
def test_stratified_puts_real_ground_on_both_sides(naip: pd.DataFrame) -> None:
    """So the test above can fail; and a chip's twin of the other year is often on the other side."""
    roles = roles_of(assign_folds(naip, folds_config(method="stratified", count=3), 42), 0)
    validation = ground_cells(naip, roles == "validation")
    assert (validation & ground_cells(naip, roles == "training")).sum() > 0.9 * validation.sum()


@pytest.mark.xdist_group("naip")
def test_both_years_and_regions_are_kept_apart_by_the_buffer(naip: pd.DataFrame) -> None:
    assert set(naip["file"].str[:4]) == {"2014", "2017"}
    folds = assign_folds(naip, folds_config(method="spatial_block", count=2, block_m=1000, buffer_m=100), 42)
    bounds = naip[["left", "bottom", "right", "top"]].to_numpy()
    for fold in range(2):
        roles = roles_of(folds, fold)
        for left, bottom, right, top in bounds[roles == "validation"]:
            dx = np.maximum(0, np.maximum(left - bounds[:, 2], bounds[:, 0] - right))
            dy = np.maximum(0, np.maximum(bottom - bounds[:, 3], bounds[:, 1] - top))
            assert not (roles[np.hypot(dx, dy) <= 100] == "training").any()


@pytest.mark.parametrize("method", ["stratified", "one_split"])
def test_a_share_of_each_class_is_set_aside_from_the_training(method: str) -> None:
    chips = grid(10, 10, 2000.0)
    chips["content"] = [str(number // 2) for number in range(100)]  # each picture twice, once with each class
    values = {"method": method, "count": 4, "validation_share": 0.2}
    before = assign_folds(chips, folds_config(**values), 0)
    after = assign_folds(chips, folds_config(**values, set_aside_share=0.25), 0)
    for fold in range(4):
        old, new = roles_of(before, fold), roles_of(after, fold)
        chosen = new == "set_aside"
        assert set(old[chosen]) == {"training"}
        assert (old[~chosen] == new[~chosen]).all()
        assert chosen.sum() == pytest.approx(0.25 * (old == "training").sum(), abs=2)
        assert chosen[::2].tolist() == chosen[1::2].tolist()


def test_with_spatial_folds_whole_blocks_are_set_aside_behind_a_buffer() -> None:
    chips = grid(20, 20, SIDE_M)  # touching chips, four to a block
    folds = assign_folds(
        chips, folds_config(method="spatial_block", count=3, block_m=2000, set_aside_share=0.2, buffer_m=100), 0
    )
    for fold in range(3):
        roles = roles_of(folds, fold)
        training, chosen = np.flatnonzero(roles == "training"), np.flatnonzero(roles == "set_aside")
        assert len(training) > len(chosen) > 0
        assert min(gap(chips, first, second) for first in training for second in chosen) > 100


def test_a_part_that_nothing_uses_is_refused() -> None:
    values = config_values({"folds": {"method": "stratified", "count": 2, "set_aside_share": 0.2}})
    with pytest.raises(ConfigError, match=r"nothing uses them: set training\.patience"):
        parse_config(values)
    values["training"] = {"patience": 2}
    parse_config(values)
    values["folds"]["set_aside_share"] = 0
    with pytest.raises(ConfigError, match=r"set folds\.set_aside_share"):
        parse_config(values)
    values["training"] = {"sampling": "balanced", "class_weights": "balanced"}
    with pytest.raises(ConfigError, match="would correct twice"):
        parse_config(values)
