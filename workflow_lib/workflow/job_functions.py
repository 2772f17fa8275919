"""Functions that Snakemake calls once per job."""

from collections.abc import Callable
from inspect import signature
from typing import Any, TypeVar

from snakemake.common import overwrite_function_params

Function = TypeVar("Function", bound=Callable[..., Any])


def per_job(function: Function) -> Function:
    """Decorate a function that a rule calls once per job, to speed up the planning of thousands of jobs.

    Snakemake inspects a function's signature twice before each call, which takes longer than most of these functions.
    The decorator stores the parameters in an attribute, which Snakemake reads instead.
    """
    overwrite_function_params(function, signature(function).parameters)
    return function
