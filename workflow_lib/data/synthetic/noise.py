"""Random fields with a chosen roughness, for terrain and textures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def correlated_noise(
    rng: np.random.Generator, size_px: int, scales_m: Sequence[float], exponents: Sequence[float]
) -> NDArray[np.float32]:
    """Draw random fields by spectral synthesis.

    Args:
        rng: source of randomness.
        size_px: side of the fields in pixels of 1 m.
        scales_m: outer scale of each field (m); the field is uncorrelated beyond it.
        exponents: exponent of each field's amplitude spectrum below that scale; higher is smoother.

    Returns:
        (fields, size_px, size_px) array; each field has mean 0 and standard deviation 1.
    """
    # A Fourier series is periodic; cropping the chip from a larger field hides that.
    period = size_px + size_px // 4
    east = np.fft.rfftfreq(period).astype(np.float32)
    north = np.fft.fftfreq(period).astype(np.float32)
    frequency_squared = north[:, None] ** 2 + east[None, :] ** 2
    shape = (len(scales_m), period, east.size)
    spectrum = rng.standard_normal((*shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    for field, scale_m, exponent in zip(spectrum, scales_m, exponents, strict=True):
        # Von Karman spectrum: a power law that levels off beyond the outer scale.
        field *= (frequency_squared + np.float32(scale_m**-2)) ** np.float32(-exponent / 2)
    fields = np.fft.irfft2(spectrum, s=(period, period))[:, :size_px, :size_px]
    fields -= fields.mean(axis=(1, 2), keepdims=True)
    fields /= fields.std(axis=(1, 2), keepdims=True)
    return np.asarray(fields, dtype=np.float32)
