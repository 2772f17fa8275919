"""Checks on where a map may be written: never over its own inputs, and never where another run is writing."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import combinations
from pathlib import Path

from workflow_lib.core.errors import UserError
from workflow_lib.core.files import locked

# Files that `field.sliding` keeps in the folder of finished blocks, and their temporary names while being written.
_BLOCK_FILES = re.compile(r"(key\.json|(probabilities|classes)\.tif|\d+_\d+\.npy)|\.(key\.json|\d+_\d+\.npy)\..{8}")


def partial_folder(output: Path) -> Path:
    """Return the folder that keeps the finished blocks of a map until it is complete."""
    return output.with_name(f"{output.name}.partial")


def check_outputs(outputs: Sequence[Path], inputs: Sequence[Path], bundle: Path, partial: Path) -> None:
    """Refuse outputs that would destroy or change an input; links and different spellings are resolved.

    Args:
        outputs: the files to write.
        inputs: all given scenes, and every file that GDAL reads with them.
        bundle: folder of the model.
        partial: folder of finished blocks.

    Raises:
        UserError: if an output is an input, a sidecar of an input, inside the bundle, a folder, or another output.
    """
    for output in outputs:
        if output.is_dir():
            raise UserError("is a folder", output, "give a file name")
        for file in [*inputs, bundle]:
            _refuse_same(output, file)
        if any(place.is_relative_to(bundle.resolve()) for place in (_resolved(output), output.resolve())):
            raise UserError(f"lies in the bundle {bundle}", output, "choose another output")
        if _resolved(output).is_relative_to(_resolved(partial)):
            raise UserError(f"lies in {partial}, which is emptied", output, "choose another output")
    for first, second in combinations(outputs, 2):
        if _resolved(first) == _resolved(second) or (first.exists() and second.exists() and first.samefile(second)):
            raise UserError("is named as two outputs", first, "choose another name for one of them")
    for file in [*inputs, bundle]:
        if file.resolve().is_relative_to(_resolved(partial)):
            raise UserError(f"lies in {partial}, which is emptied", file, "choose another output")


def _refuse_same(output: Path, file: Path) -> None:
    same = output.resolve() == file.resolve() or (output.exists() and file.exists() and output.samefile(file))
    if same:
        raise UserError(f"is an input ({file})", output, "choose another output")
    for given in (file.absolute(), file.resolve()):
        same_folder = _resolved(output).parent == given.parent.resolve()
        if same_folder and output.name.startswith(f"{given.name}."):
            raise UserError(f"would be read as a sidecar of {file}", output, "choose another output")


def _resolved(path: Path) -> Path:
    """Resolve links in the path's folder, but not the path itself: writing replaces a link, not its target."""
    return path.parent.resolve() / path.name


@contextmanager
def locked_outputs(outputs: Sequence[Path]) -> Iterator[None]:
    """Prevent other runs from writing the same files.

    Raises:
        UserError: if another run is writing one of them.
    """
    with ExitStack() as stack:
        for place in sorted({_resolved(output) for output in outputs}):
            stack.enter_context(locked(place.with_name(f".{place.name}.lock"), place))
        yield


def check_partial(folder: Path) -> None:
    """Refuse a folder for finished blocks that holds anything else.

    Raises:
        UserError: if the folder holds other files, or is a link or a file.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError("is not a folder of this program", folder, "move it, or choose another output")
    if folder.exists() and (others := [path.name for path in folder.iterdir() if not _is_block(path)]):
        raise UserError(
            f"holds files that are not this program's: {min(others)}", folder, "move them, or choose another output"
        )


def empty_partial(folder: Path) -> None:
    """Delete the finished blocks in a folder that `check_partial` has accepted."""
    for path in folder.iterdir():
        if path.is_dir():
            for inner in path.iterdir():
                inner.unlink()
            path.rmdir()
        else:
            path.unlink()


def _is_block(path: Path) -> bool:
    found = _BLOCK_FILES.fullmatch(path.name)
    if not found or path.is_symlink():
        return False
    # An interrupted write leaves a folder that holds only the temporary file.
    return path.is_file() if found[1] else path.is_dir() and all(inner.is_file() for inner in path.iterdir())
