"""The command line: one file per command, and what a command needs imported when it runs."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point of ``latchwork``. Errors a user can mend are said in a sentence; the exit status is 1."""
    try:
        from latchwork.cli.app import app
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("latchwork"):
            raise
        sys.exit(f'error: the command line needs {error.name}: pip install "latchwork[train]"')
    from latchwork.errors import LatchworkError

    try:
        app()
    except LatchworkError as error:
        from latchwork.cli.console import complain

        complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
