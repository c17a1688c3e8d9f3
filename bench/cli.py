"""The command line: finds the command, parses its options and turns errors into one line.

Exit status: 0 all went well, 1 a run or a check failed, 2 the user can mend it, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from bench import __version__
from bench.console import silence
from bench.errors import UserError, first_line, printable, unknown_name

COMMANDS = {
    "run": "train and evaluate methods on problems, then write a report",
    "status": "show which runs of a results folder are done, failed, running, queued or missing",
    "report": "write a report of a results folder, or a leaderboard of several",
    "gradients": "measure the accuracy and cost of gradients, without training the methods",
    "check": "run the contract tests on a gradient method",
    "new": "write a one-file plug-in to start from, such as a method, a problem or a callback",
    "compare": "compare two results folders; exit status 1 if the second is worse",
    "doctor": "check the health of the machine and measure its noise floor",
    "list": "list the registered methods, problems, layers, images, callbacks and presets",
}

HELP = """\
usage: python -m bench COMMAND [OPTIONS] [KEY=VALUE ...]

Compares gradient methods for implicit networks on image deblurring, together with the baselines
that a practitioner would use instead.

commands:
{commands}

  python -m bench COMMAND --help    show the options of one command
  python -m bench --version

examples:
  python -m bench run --methods all --problem motion
  python -m bench run --methods 'jfb,phantom[steps=1,3,5]' --sizes 32,64 --seeds 3
  python -m bench run --preset standard --layer deprox --device cuda train.steps=300
  python -m bench run --methods mine --plugin mine.py --out results/mine
  python -m bench status results/mine
  python -m bench report results/mine --target psnr=30
  python -m bench report results/laptop results/server
  python -m bench compare results/before results/after
  python -m bench gradients --methods all --sizes 32,64
  python -m bench new method mine
  python -m bench check mine --plugin mine.py
  python -m bench doctor
  python -m bench list methods
"""


class OneLineParser(argparse.ArgumentParser):
    """A parser that raises its errors as UserError instead of printing the usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong."""
        raise UserError(message)

    def print_help(self, file: object = None) -> None:
        """Print the help; argparse would be silent about a full device."""
        print(self.format_help(), end="")


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status. Every user error is one line on stderr."""
    program = "bench"
    try:
        if not arguments or arguments[0] in ("-h", "--help", "--version"):
            _say(arguments[0] if arguments else "--help")
            return _done(0)
        command = arguments[0]
        if command not in COMMANDS:
            kind = "option" if command.startswith("-") else "command"
            raise unknown_name(kind, command, [*COMMANDS, "--help", "--version"])
        program = f"bench {command}"
        return _run_command(command, arguments[1:])
    except UserError as error:
        return _stopped(f"{program}: error: {error}", 2)
    except KeyboardInterrupt:
        return _stopped(f"{program}: interrupted", 130)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        silence(sys.stdout)
        return 1
    except OSError as error:  # a device that is full, or a folder that vanished
        silence(sys.stdout)
        place = f"{error.filename}: " if error.filename else ""
        return _stopped(f"{program}: error: {printable(place + first_line(error), 500)}", 2)
    except MemoryError:
        return _stopped(f"{program}: error: out of memory", 2)


def _stopped(message: str, status: int) -> int:
    """Say why the command stopped, if there is still somebody to be told; returns the status."""
    try:
        print(message, file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)
    return status


def _say(option: str) -> None:
    if option == "--version":
        print(f"implicit-bench {__version__}")
        return
    lines = [f"  {name:11}{summary}" for name, summary in COMMANDS.items()]
    print(HELP.format(commands="\n".join(lines)), end="")


def _run_command(name: str, arguments: Sequence[str]) -> int:
    try:
        options = parsed(name, arguments)
    except SystemExit:  # --help: argparse has printed it
        return _done(0)
    action = importlib.import_module(f"bench.commands.actions.{name}")
    return _done(action.execute(options))


def parsed(name: str, arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command as its action takes them; UserError for what it does not know."""
    # Imported on demand: what one command needs must not slow down the others, nor --help.
    module = importlib.import_module(f"bench.commands.{name}")
    parser = OneLineParser(
        prog=f"python -m bench {name}",
        usage=module.USAGE,
        description=COMMANDS[name],
        epilog=module.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # an abbreviation would stop working when an option is added
    )
    module.add_arguments(parser.add_argument)
    options, rest = parser.parse_known_args(arguments)
    accepted = getattr(module, "ACCEPTS_SETTINGS", False)
    options.overrides = _overrides(rest, parser, accepted=accepted)
    written = " ".join([parser.prog, *map(shlex.quote, arguments)])
    options.command_line = written.encode("utf-8", "backslashreplace").decode()  # for UTF-8 files
    return options


def _done(status: int) -> int:
    sys.stdout.flush()  # a broken pipe must show here, where it is handled, and not at exit
    return status


def _overrides(
    rest: Sequence[str], parser: argparse.ArgumentParser, *, accepted: bool
) -> tuple[str, ...]:
    """The KEY=VALUE settings among what the parser did not know; anything else is an error."""
    for text in rest:
        if text.startswith("-"):
            options = [name for action in parser._actions for name in action.option_strings]
            raise unknown_name("option", text.split("=")[0], options)
        if not accepted or "=" not in text:
            raise UserError(f"unexpected argument {text!r}")
    return tuple(rest)
