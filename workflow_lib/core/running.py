"""Run a stage and translate its exceptions into exit codes: a one-line error, or a traceback for a bug."""

import signal
import sys
import traceback
from collections.abc import Callable

from workflow_lib.core.errors import UserError, exit_with_error
from workflow_lib.core.sealed import DamagedFileError, set_aside

_RETRY_DELAY_S = 0.01


def _exit(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)


def _exit_later(unraisable: "sys.UnraisableHookArgs") -> None:
    """Repeat a lost exit request: callbacks from C code (GDAL) and destructors cannot propagate exceptions."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt | SystemExit):
        signal.signal(signal.SIGALRM, _exit)
        signal.setitimer(signal.ITIMER_REAL, _RETRY_DELAY_S)
    else:
        sys.__unraisablehook__(unraisable)


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`. A user error prints one line and exits with code 2; a bug prints a traceback, code 1."""
    # A cancelled job exits through an exception, so that its temporary files are removed.
    signal.signal(signal.SIGTERM, _exit)
    sys.unraisablehook = _exit_later
    try:
        main()
    except DamagedFileError as error:
        exit_with_error(set_aside(error))
    except UserError as error:
        exit_with_error(error)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        exit_with_error(f"{place}{error.strerror or ' '.join(map(str, error.args))}")
    except Exception:
        traceback.print_exc()
        sys.exit(1)
