"""Functions that Snakemake calls once per job."""

from collections.abc import Callable
from inspect import signature
from typing import Any, TypeVar

from snakemake.common import overwrite_function_params

Function = TypeVar("Function", bound=Callable[..., Any])


def per_job(function: Function) -> Function:
    """Decorate a function that a rule calls for each of thousands of jobs.

    Snakemake inspects the signature of a function before each call, twice, which takes longer than most of these
    functions. It reads the parameters from an attribute instead if it finds one.
    """
    overwrite_function_params(function, signature(function).parameters)
    return function
