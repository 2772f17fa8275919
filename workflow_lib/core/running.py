"""How a stage ends: well, with one line for the user, or with a traceback."""

import signal
import sys
import traceback
from collections.abc import Callable

from workflow_lib.core.errors import UserError, end_with
from workflow_lib.core.sealed import DamagedFileError, set_aside

_AGAIN_S = 0.01


def _end(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)


def _end_later(lost: "sys.UnraisableHookArgs") -> None:
    """Callbacks of C code (GDAL's) and destructors pass no exception on: what should end the stage comes once more."""
    if issubclass(lost.exc_type, KeyboardInterrupt | SystemExit):
        signal.signal(signal.SIGALRM, _end)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
    else:
        sys.__unraisablehook__(lost)


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's main: an error of the user's is one line and exit code 2, a bug is a traceback and 1."""
    # A cancelled job ends by an exception, so that its temporary files are removed.
    signal.signal(signal.SIGTERM, _end)
    sys.unraisablehook = _end_later
    try:
        main()
    except DamagedFileError as error:
        end_with(set_aside(error))
    except UserError as error:
        end_with(error)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        end_with(f"{place}{error.strerror or ' '.join(map(str, error.args))}")
    except Exception:
        traceback.print_exc()
        sys.exit(1)
