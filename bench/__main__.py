"""Entry point of `python -m bench` and of the `implicit-bench` command."""

from __future__ import annotations

import signal
import sys

END_SECONDS = 5.0  # for threads of plug-ins, and for exit handlers


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        # Imported here, so that an interrupt in the meantime ends in no traceback.
        from bench.cli import run_command_line
        from bench.console import prepare_streams
        from bench.ending import end_soon

        prepare_streams()
        status = run_command_line(sys.argv[1:])
        end_soon(status, END_SECONDS)
        _end_plugins()
    except KeyboardInterrupt:
        status = 130
    # Whatever Python still has to tidy up, a further interrupt ends it at once and in silence.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status)


def _end_plugins() -> None:
    """End the processes that plug-ins have started and left running."""
    plugins = sys.modules.get("bench.plugins")
    if plugins and plugins.loaded_plugins():
        from bench.execution import left_behind

        left_behind.end()


if __name__ == "__main__":
    main()
