"""The folder of the sockets over which the processes of a command find each other."""

from __future__ import annotations

import contextlib
import os
import tempfile
from multiprocessing.util import get_temp_dir

# Of a folder, in bytes. The path of a Unix socket has at most 107, of which multiprocessing adds 32
# to the folder's: /pymp-xxxxxxxx/listener-xxxxxxxx.
LONGEST_PATH = 107 - 32
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


def prepare_socket_folder() -> None:
    """Have multiprocessing make its folder where a socket's path fits, however long TMPDIR is."""
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) <= LONGEST_PATH:
        return
    for folder in SHORT_FOLDERS:
        tempfile.tempdir = folder
        with contextlib.suppress(OSError):
            get_temp_dir()  # made once, and kept by this process for every socket
            break
    tempfile.tempdir = usual
