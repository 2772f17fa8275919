"""Lengths on the ground, whatever the projection calls a metre."""

from math import cos, radians

import numpy as np
import pytest
from rasterio.crs import CRS
from rasterio.warp import transform

from workflow_lib.data.ground import ground_steps_m, pixel_sides_m, scale_at, utm_zone


def at(crs: str, longitude: float, latitude: float) -> tuple[float, float]:
    (x,), (y,) = transform("EPSG:4326", crs, [longitude], [latitude])
    return x, y


@pytest.mark.parametrize("latitude", [0.0, 47.0, 60.0, -33.0])
def test_metres_of_web_mercator_shrink_with_the_cosine_of_the_latitude(latitude: float) -> None:
    scale = scale_at(CRS.from_epsg(3857), *at("EPSG:3857", 10.0, latitude))
    assert scale == pytest.approx(cos(radians(latitude)), rel=0.004)


@pytest.mark.parametrize(
    ("crs", "longitude", "latitude", "tolerance"),
    [("EPSG:32614", -99.0, 47.0, 0.001), ("EPSG:32614", -96.5, 47.0, 0.001), ("EPSG:5070", -99.0, 40.0, 0.01),
     ("EPSG:3035", 10.0, 50.0, 0.005)],
)  # fmt: skip
def test_metres_of_others_are_metres(crs: str, longitude: float, latitude: float, tolerance: float) -> None:
    assert scale_at(CRS.from_user_input(crs), *at(crs, longitude, latitude)) == pytest.approx(1, abs=tolerance)


def test_degrees_and_feet_have_a_length_too() -> None:
    east, north = ground_steps_m(CRS.from_epsg(4326), [10.0], [0.0], [0.001], [0.001])
    assert east[0] == pytest.approx(111.32, rel=1e-3)
    assert north[0] == pytest.approx(110.57, rel=1e-3)
    x, y = at("EPSG:2225", -122.0, 40.0)
    assert pixel_sides_m("EPSG:2225", np.array([x]), np.array([y]), np.array([1.0]), np.array([1.0]))[0] == (
        pytest.approx(0.3048, rel=1e-3)
    )


def test_across_the_date_line() -> None:
    east, _ = ground_steps_m(CRS.from_epsg(4326), [180.0], [0.0], [0.002], [0.002])
    assert east[0] == pytest.approx(222.6, rel=1e-3)


def test_no_crs_has_no_length() -> None:
    assert np.isnan(pixel_sides_m("", np.zeros(2), np.zeros(2), np.ones(2), np.ones(2))).all()


def test_zones() -> None:
    assert utm_zone(-99, 47).to_epsg() == 32614
    assert utm_zone(179.99, -10).to_epsg() == 32760
    assert utm_zone(180.0, 10).to_epsg() == 32660
