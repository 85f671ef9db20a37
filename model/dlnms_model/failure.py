"""How a command of the command line fails: one line on standard error, and an exit code."""

import sys

from .table import TableError


def fail(why, code=1):
    """Says why a command ends, and returns its exit code."""
    print(f"dlnms_model: error: {why}", file=sys.stderr)
    return code


def guarded(command, extra, call):
    """Runs a command whose libraries are loaded only now. Returns 0, or 1 where it refused its input or needs an extra."""
    try:
        call()
    except ImportError as error:
        return fail(f"{command} needs {error.name}: pip install 'dlnms_model[{extra}]'")
    except (TableError, OSError) as error:
        return fail(error)
    return 0
