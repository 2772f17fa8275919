"""Assign chips to training and validation so that, with spatial folds, no ground pixel is in both."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform_bounds
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, StratifiedShuffleSplit

from workflow_lib.core.errors import UserError
from workflow_lib.data.fold_config import FoldsConfig
from workflow_lib.data.ground import MAX_SCALE_ERROR, TRANSFORM_ERRORS, scale_at, utm_zone

Mask = NDArray[np.bool_]


def assign_folds(chips: pd.DataFrame, folds: FoldsConfig, seed: int) -> pd.DataFrame:
    """Give every chip its role in every fold.

    Args:
        chips: table of `import_chips`.
        folds: folds section of the configuration.
        seed: seed of the shuffling.

    Returns:
        One row per chip and fold with its role: training, set_aside, validation, holdout, or buffer (within
        `folds.buffer_m` of a validation, set-aside or held-out footprint and therefore unused).

    Raises:
        UserError: if there are too few chips, blocks or regions, or one side of a fold lacks a class.
    """
    spatial_holdout = folds.holdout.method in ("region", "spatial_block")
    if spatial_holdout or folds.spatial:
        chips = _in_metres(chips)
    copies = _picture_numbers(chips)
    held_out = _hold_out(chips, copies, folds, seed)
    near_holdout = np.zeros(len(chips), dtype=bool)
    if spatial_holdout:
        near_holdout = _near_chosen(chips, held_out, folds.buffer_m) | (_with_copies(held_out, copies) & ~held_out)
    usable = np.flatnonzero(~held_out & ~near_holdout)
    numbers = np.full(len(chips), -1)
    numbers[usable] = _split(chips.iloc[usable], copies[usable], folds, seed)
    tables = []
    for fold in range(folds.count):
        validation = numbers == (0 if folds.same_split else fold)
        role = np.where(validation, "validation", "training").astype(object)
        if folds.spatial:
            near = _near_chosen(chips, validation, folds.buffer_m) | _with_copies(validation, copies)
            role[near & ~validation] = "buffer"
        role[near_holdout] = "buffer"
        role[held_out] = "holdout"
        if folds.set_aside_share:
            _set_aside(chips, copies, role, folds, seed)
        _check_classes(chips["class"], role, fold)
        tables.append(pd.DataFrame({"chip": chips["chip"], "fold": fold, "role": role.astype(str)}))
    return pd.concat(tables, ignore_index=True)


def _set_aside(
    chips: pd.DataFrame, copies: NDArray[np.int64], role: NDArray[np.object_], folds: FoldsConfig, seed: int
) -> None:
    """Give a share of a fold's training chips the role set_aside, apart from the others as validation chips are."""
    training, share, key = np.flatnonzero(role == "training"), folds.set_aside_share, "folds.set_aside_share"
    chosen = np.zeros(len(chips), dtype=bool)
    usable = chips.iloc[training]
    chosen[training] = (
        _draw_blocks(usable, folds.block_m, share, seed, key)
        if folds.spatial
        else _choose_by_picture(
            copies[training], lambda rows: _draw_share(usable.iloc[rows], share, seed, "the part set aside", key)
        )
    )
    if folds.spatial:
        near = _near_chosen(chips, chosen, folds.buffer_m) | _with_copies(chosen, copies)
        role[near & (role == "training")] = "buffer"
    role[chosen] = "set_aside"


def independent_units(chips: pd.DataFrame, folds: FoldsConfig) -> NDArray[np.integer[Any]]:
    """Number the units that a bootstrap may treat as independent.

    Args:
        chips: the chips table.
        folds: settings of the folds.

    Returns:
        (n,) number of each chip's spatial block if the folds are spatial, else of its picture, which copies share.

    Raises:
        UserError: if the folds are spatial and a chip has no CRS.
    """
    return _blocks(_in_metres(chips), folds.block_m) if folds.spatial else _picture_numbers(chips)


def _picture_numbers(chips: pd.DataFrame) -> NDArray[np.int64]:
    """Return (n,) picture numbers, which identical chips share; without digests, every chip counts as unique."""
    if "content" not in chips or chips["content"].isna().any():
        return np.arange(len(chips))
    _, first, numbers = np.unique(chips["content"].to_numpy(dtype=str), return_index=True, return_inverse=True)
    pictures: NDArray[np.int64] = first[numbers]
    return pictures


def _with_copies(chosen: Mask, copies: NDArray[np.int64]) -> Mask:
    """Return the mask of the chosen chips and all their copies."""
    return np.isin(copies, copies[chosen])


def _choose_by_picture(copies: NDArray[np.int64], choose: Callable[[NDArray[np.int64]], NDArray[Any]]) -> NDArray[Any]:
    """Choose a value for the first chip of each picture, and give its copies the same value.

    Args:
        copies: (n,) picture number of each chip.
        choose: function from chip positions to a value for each.
    """
    _, first, picture = np.unique(copies, return_index=True, return_inverse=True)
    order = np.argsort(first)
    chosen = choose(first[order])
    found = np.empty(len(first), dtype=chosen.dtype)
    found[order] = chosen
    return found[picture]


def _hold_out(chips: pd.DataFrame, copies: NDArray[np.int64], folds: FoldsConfig, seed: int) -> Mask:
    holdout = folds.holdout
    if holdout.method == "region":
        return chips["region"].isin(holdout.regions).to_numpy()
    if holdout.method == "share":
        return _choose_by_picture(
            copies,
            lambda rows: _draw_share(chips.iloc[rows], holdout.share, seed, "the hold-out", "folds.holdout.share"),
        )
    if holdout.method == "spatial_block":
        return _draw_blocks(chips, folds.block_m, holdout.share, seed, "folds.holdout.share")
    return np.zeros(len(chips), dtype=bool)


def _draw_blocks(chips: pd.DataFrame, block_m: float, wanted: float, seed: int, key: str) -> Mask:
    """Draw blocks on the ground that hold about a share of the chips of each class."""
    blocks, share = _blocks(chips, block_m), Fraction(wanted).limit_denominator(20)
    if share in (0, 1):
        raise UserError(f"{wanted} is too close to {share}", f"config: {key}")
    _check_enough(len(np.unique(blocks)), share.denominator, f"blocks of {block_m:g} m", "folds.block_m")
    most = int(chips["class"].value_counts().max())
    _check_enough(most, share.denominator, "chips of the most common class", key)
    grouped = StratifiedGroupKFold(n_splits=share.denominator, shuffle=True, random_state=seed)
    drawn = np.zeros(len(chips), dtype=bool)
    for _, part in islice(grouped.split(chips, chips["class"], blocks), share.numerator):
        drawn[part] = True
    return drawn


def _draw_share(chips: pd.DataFrame, share: float, seed: int, what: str, key: str) -> Mask:
    """Draw a random share of the chips, stratified by class."""
    _check_enough(
        round(min(share, 1 - share) * len(chips)), chips["class"].nunique(), f"chips in {what} or outside it", key
    )
    _check_enough(int(chips["class"].value_counts().min()), 2, "chips of the rarest class", key)
    splitter = StratifiedShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    chosen = np.zeros(len(chips), dtype=bool)
    chosen[next(splitter.split(chips, chips["class"]))[1]] = True
    return chosen


def _split(chips: pd.DataFrame, copies: NDArray[np.int64], folds: FoldsConfig, seed: int) -> NDArray[np.int64]:
    """Return the fold in which each chip validates; with a single split, 0 for validation chips and 1 for others.

    Copies of a picture validate together. With spatial folds the location decides, and copies on the training side are
    put into the buffer.
    """
    if chips.empty:
        raise UserError("the hold-out and its buffer leave no chip", "config: folds.holdout")
    if folds.method == "region":
        regions, numbers = np.unique(chips["region"], return_inverse=True)
        _check_enough(len(regions), folds.count, "regions with usable chips", "folds.count")
        return numbers.astype(np.int64)
    if folds.method == "one_split":
        validation: Mask = _choose_by_picture(
            copies,
            lambda rows: _draw_share(
                chips.iloc[rows], folds.validation_share, seed, "validation", "folds.validation_share"
            ),
        )
        return 1 - validation.astype(np.int64)
    if folds.method == "stratified":
        return _choose_by_picture(copies, lambda rows: _split_stratified(chips.iloc[rows], folds.count, seed))
    blocks = _blocks(chips, folds.block_m)
    _check_enough(len(np.unique(blocks)), folds.count, f"blocks of {folds.block_m:g} m", "folds.block_m")
    _check_enough(
        int(chips["class"].value_counts().max()), folds.count, "chips of the most common class", "folds.count"
    )
    grouped = StratifiedGroupKFold(n_splits=folds.count, shuffle=True, random_state=seed)
    return _validation_folds(len(chips), grouped.split(chips, chips["class"], blocks))


def _split_stratified(chips: pd.DataFrame, count: int, seed: int) -> NDArray[np.int64]:
    _check_enough(int(chips["class"].value_counts().min()), count, "chips of the rarest class", "folds.count")
    plain = StratifiedKFold(n_splits=count, shuffle=True, random_state=seed)
    return _validation_folds(len(chips), plain.split(chips, chips["class"]))


def _validation_folds(count: int, parts: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> NDArray[np.int64]:
    """Return the number of the fold in which each chip validates."""
    numbers = np.empty(count, dtype=np.int64)
    for fold, (_, validation) in enumerate(parts):
        numbers[validation] = fold
    return numbers


def _check_enough(found: int, needed: int, what: str, key: str) -> None:
    if found < needed:
        raise UserError(f"{found} {what}, but {needed} are needed", f"config: {key}")


def _check_classes(classes: pd.Series, role: NDArray[np.object_], fold: int) -> None:
    for side in sorted({"training", "validation", *role} - {"buffer", "holdout"}):
        missing = sorted(set(classes) - set(classes[role == side]))
        if missing:
            raise UserError(
                f"fold {fold} has no {side.replace('_', '-')} chip of class {', '.join(missing)}",
                "config: folds",
                "use fewer folds, smaller blocks or a smaller buffer",
            )


def _in_metres(chips: pd.DataFrame) -> pd.DataFrame:
    """Project each region's footprints to the UTM zone of its centre, unless its CRS is already true to scale.

    Raises:
        UserError: if a CRS is local, or a footprint lies outside the area for which it is defined.
    """
    parts = chips.groupby(["crs", "region"], sort=False)
    try:
        metric: pd.DataFrame = pd.concat([_group_in_metres(str(crs), part) for (crs, _), part in parts]).sort_index()
    except TRANSFORM_ERRORS as error:
        raise UserError(
            f"footprints cannot be converted to metres ({error})", "chips", "use stratified folds"
        ) from None
    return metric


def _group_in_metres(name: str, part: pd.DataFrame) -> pd.DataFrame:
    crs = CRS.from_user_input(name) if name else None
    if not crs:
        return part
    if not (crs.is_projected or crs.is_geographic):
        raise UserError("a local CRS has no location on the ground", name, "use stratified folds")
    in_metres = crs.is_projected and crs.linear_units_factor[1] == 1
    if in_metres and abs(scale_at(crs, part["x"].mean(), part["y"].mean()) - 1) <= MAX_SCALE_ERROR:
        return part
    boxes = part[["left", "bottom", "right", "top"]].to_numpy()
    west, south, east, north = transform_bounds(crs, "EPSG:4326", *boxes[:, :2].min(0), *boxes[:, 2:].max(0))
    utm = utm_zone((west + east) / 2, (south + north) / 2).to_string()
    left, bottom, right, top = np.array([transform_bounds(crs, utm, *box) for box in boxes]).T
    return part.assign(
        left=left, bottom=bottom, right=right, top=top, x=(left + right) / 2, y=(bottom + top) / 2, crs=utm
    )


def _blocks(chips: pd.DataFrame, block_m: float) -> NDArray[np.integer[Any]]:
    """Return the number of the square ground block that contains each chip's centre."""
    if (chips["crs"] == "").any():
        raise UserError("chips without a CRS cannot be divided into blocks of metres", "config: folds.method")
    cells = pd.DataFrame({"crs": chips["crs"], "x": chips["x"] // block_m, "y": chips["y"] // block_m})
    numbers: NDArray[np.integer[Any]] = cells.groupby(["crs", "x", "y"]).ngroup().to_numpy()
    return numbers


def _near_chosen(chips: pd.DataFrame, chosen: Mask, buffer_m: float) -> Mask:
    """Mark the chips whose footprint is within a distance of a chosen footprint; touching counts.

    Chips in another CRS, such as a neighbouring UTM zone, are projected to that of the chosen ones.
    """
    near = np.zeros(len(chips), dtype=bool)
    bounds = chips[["left", "bottom", "right", "top"]].to_numpy()
    for crs in chips["crs"][chosen].unique():
        targets = bounds[chosen & (chips["crs"] == crs).to_numpy()]
        for other in chips["crs"].unique():
            members = np.flatnonzero((chips["crs"] == other).to_numpy())
            here = bounds[members]
            if other != crs and crs and other:
                here = np.array([transform_bounds(other, crs, *box) for box in here])
            near[members] |= _near_boxes(here, targets, buffer_m)
    return near


def _near_boxes(boxes: NDArray[np.float64], targets: NDArray[np.float64], distance: float) -> Mask:
    """Mark the boxes (left, bottom, right, top) that are within a distance of any target box."""

    def is_near(box: NDArray[np.float64]) -> bool:
        dx = np.maximum(0, np.maximum(targets[:, 0] - box[2], box[0] - targets[:, 2]))
        dy = np.maximum(0, np.maximum(targets[:, 1] - box[3], box[1] - targets[:, 3]))
        return bool((dx * dx + dy * dy <= distance * distance).any())

    return np.fromiter(map(is_near, boxes), dtype=bool, count=len(boxes))
