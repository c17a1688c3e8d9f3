"""Entry point of `python -m bench` and of the `implicit-bench` command."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        # Imported here, so that an interrupt in the meantime ends in no traceback.
        from bench.cli import run_command_line
        from bench.console import prepare_streams

        prepare_streams()
        status = run_command_line(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    # Whatever Python still has to tidy up, a further interrupt ends it at once and in silence.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)


if __name__ == "__main__":
    main()
