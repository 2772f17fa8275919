"""A Gaussian process over all candidates of a finite space, which can be conditioned on one more value at a time."""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Kernel, Matern, WhiteKernel

Numbers = NDArray[np.float64]

_LEAST_VARIANCE = 1e-12
_JITTER = 1e-10


class Posterior:
    """What is believed of the values of all candidates, given those of some.

    Args:
        features: (n, d) features of all candidates, of similar scale.
        rows: (k,) candidates with known values, k at least 2.
        values: (k,) their values.
        extra_variances: (k,) variance of each value beyond the noise that all have, in squared units of the values;
            None: none.
        fitted: kernel with noise of an earlier model, `whole_kernel`, that is used instead of fitting one.

    Attributes:
        mean: (n,) expected values.
        kernel: the fitted kernel, without noise, of normalised values.
        whole_kernel: the same with noise.
        noise: variance of the noise of normalised values.

    Source: Rasmussen and Williams 2006, algorithm 2.1; kernel: Matern with smoothness 5/2 and one length scale, plus a
        linear trend, which noisy values reveal sooner than any bend. The scales, the length and the noise maximise the
        likelihood (scikit-learn).
    """

    def __init__(
        self,
        features: Numbers,
        rows: NDArray[np.integer],
        values: Numbers,
        extra_variances: Numbers | None = None,
        fitted: Kernel | None = None,
    ) -> None:
        bends = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(1.0, (1e-1, 1e3), nu=2.5)
        trend = ConstantKernel(0.1, (1e-4, 1e1)) * DotProduct(1.0, "fixed")
        spread = float(np.std(values)) or 1.0
        extra = np.zeros(len(values)) if extra_variances is None else extra_variances / spread**2
        process = GaussianProcessRegressor(
            fitted or bends + trend + WhiteKernel(1e-2, (1e-5, 1.0)),
            alpha=extra + _JITTER,
            normalize_y=True,
            optimizer=None if fitted else "fmin_l_bfgs_b",
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a bound of the noise is a valid answer
            process.fit(features[rows], values)
        self.whole_kernel = process.kernel_
        self._features, self.kernel = features, process.kernel_.k1
        self.noise, self._scale = process.kernel_.k2.noise_level, float(process._y_train_std)
        between = self.kernel(features[rows], features)
        self._roots: Numbers = solve_triangular(process.L_, between, lower=True, check_finite=False)
        self.mean: Numbers = process._y_train_mean + self._scale * (between.T @ process.alpha_)
        self._values, self._root, self._weights = values, process.L_, process.alpha_
        self._variance = self.kernel.diag(features) - np.einsum("kn,kn->n", self._roots, self._roots)

    @property
    def noise_variance(self) -> float:
        """Variance of the noise that all values have, in squared units of the values."""
        return float(self.noise) * self._scale**2

    @property
    def deviation(self) -> Numbers:
        """(n,) standard deviations of the values, without noise."""
        deviation: Numbers = self._scale * np.sqrt(np.maximum(self._variance, _LEAST_VARIANCE))
        return deviation

    def left_out(self) -> tuple[Numbers, Numbers]:
        """Predict each known value from the others, with the kernel that was fitted to all.

        Returns:
            (k,) expected values and their standard deviations, with noise, in the order of `rows`.

        Source: Rasmussen and Williams 2006, equation 5.12.
        """
        precision = np.square(np.linalg.inv(self._root)).sum(axis=0)  # the diagonal of the inverse covariance
        return self._values - self._scale * self._weights / precision, self._scale / np.sqrt(precision)

    def condition(self, row: int, variance: float | None = None) -> None:
        """Include that the value of a candidate will be known; its expectation stands for it, so no mean changes.

        Args:
            row: the candidate.
            variance: variance of the noise of its value, in squared units of the values; None: that of all values.
        """
        noise = self.noise if variance is None else variance / self._scale**2
        covariance = self.kernel(self._features[[row]], self._features)[0] - self._roots[:, row] @ self._roots
        root = covariance / np.sqrt(max(self._variance[row], _LEAST_VARIANCE) + noise)
        self._roots = np.vstack([self._roots, root])
        self._variance = self._variance - root**2
