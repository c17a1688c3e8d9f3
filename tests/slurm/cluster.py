"""A Slurm of one node around a command, for as long as the command runs:

    python -m tests.slurm.cluster COMMAND [ARGUMENT ...]

It needs root on Debian, where it installs what is missing, and no systemd or cgroups. Everything it
writes is in one folder, which every process has in its environment or is in: that is how the next
run finds, and removes, what is left of one that was killed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

CLUSTER_NAME = "implicit-bench-tests"
PREFIX = "implicit-bench-slurm-"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
PACKAGES = ("munge", "slurm-wlm")
START_SECONDS = 60

# main preempts low by requeueing its jobs, though only those that ask for it (JobRequeue=0). A
# requeued job waits until its credential has expired (after 120 s by default) and for the next
# round of the scheduler (60 s). The GPU is a device that is always there and does nothing.
CONFIGURATION = """\
ClusterName={cluster}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
JobRequeue=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=2
SchedulerParameters=sched_interval=1,bf_interval=1
ReturnToService=2
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={mebibytes} Gres=gpu:1
PartitionName=main Nodes=ALL Default=YES PriorityTier=2 PreemptMode=OFF
PartitionName=low Nodes=ALL PriorityTier=1 PreemptMode=REQUEUE
"""


class ClusterError(Exception):
    """The cluster does not start, and why."""


def reason_to_skip() -> str | None:
    """Why this machine cannot have a Slurm, as far as that shows beforehand."""
    if os.geteuid() != 0:
        return "only root can start it"
    if not Path("/etc/debian_version").exists():
        return "its packages are installed on Debian alone"
    if missing_programs() and not installed():
        return f"apt-get could not install {' '.join(PACKAGES)}"
    return None


def missing_programs() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program) is None]


def installed() -> bool:
    """Install the packages; whether that went well. apt-get says on stderr what did not."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-qq", "--no-install-recommends", *PACKAGES]
    for command in (["apt-get", "update", "-qq"], install):
        if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:
            return False
    return not missing_programs()


@contextmanager
def one_node_slurm() -> Iterator[dict[str, str]]:
    """A running Slurm; yields the environment that its commands and users need."""
    remove_leftovers()
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}{os.getpid()}"
    folder.mkdir(mode=0o711)  # munge's clients must be able to reach its socket
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    try:
        start(folder, environment)
        yield environment
    finally:
        remove(folder)


def remove_leftovers() -> None:
    """End and remove every cluster whose owner is gone, as after kill -9."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX)
        if owner == str(os.getpid()) or not (owner.isdecimal() and psutil.pid_exists(int(owner))):
            remove(folder)


def remove(folder: Path) -> None:
    """End every process of a cluster, jobs included, and remove what it wrote."""
    while processes := processes_of(folder):
        for process in processes:
            process.kill()
        psutil.wait_procs(processes, timeout=5)
    shutil.rmtree(folder)


def processes_of(folder: Path) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if belongs(process, folder)]


def belongs(process: psutil.Process, folder: Path) -> bool:
    try:
        named = process.environ().get("SLURM_CONF") == str(folder / "slurm.conf")
        # slurmstepd writes its title over its environment.
        return named or Path(process.cwd()) == folder
    except psutil.Error:  # it has just ended
        return False


def start(folder: Path, environment: dict[str, str]) -> None:
    """Start the daemons and return when the node takes jobs."""
    write_configuration(folder)
    munge = folder / "munge"
    daemons = {
        "munged": [
            *("munged", "--foreground", f"--key-file={munge}/key", f"--socket={munge}/socket"),
            *(f"--pid-file={munge}/pid", f"--seed-file={munge}/seed", f"--log-file={munge}/log"),
        ],
        "slurmctld": ["slurmctld", "-D"],
        "slurmd": ["slurmd", "-D"],
    }
    running = {}
    for name, command in daemons.items():
        with (folder / f"{name}.log").open("wb") as log:
            running[name] = child(command, environment, stdout=log, stderr=log, cwd=folder)
        if name == "munged":
            wait_until(lambda: (munge / "socket").exists(), running, folder)
    wait_until(lambda: node_is_idle(environment), running, folder)


def write_configuration(folder: Path) -> None:
    munge = folder / "munge"
    for path in (munge, folder / "state", folder / "spool"):
        path.mkdir()
    key = munge / "key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    controller_port, node_port = free_ports(2)
    text = CONFIGURATION.format(
        cluster=CLUSTER_NAME,
        folder=folder,
        host=socket.gethostname().split(".")[0],
        controller_port=controller_port,
        node_port=node_port,
        cpus=os.cpu_count(),
        mebibytes=psutil.virtual_memory().total // 2**20,
    )
    (folder / "slurm.conf").write_text(text, encoding="utf-8")
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n", encoding="utf-8")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def child(
    command: Sequence[str], environment: dict[str, str], **options: Any
) -> subprocess.Popen[bytes]:
    """Start a process that does not outlive this one, not even when this one is killed."""
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command], env=environment, **options
    )


def wait_until(
    ready: Callable[[], bool], running: dict[str, subprocess.Popen[bytes]], folder: Path
) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        ended = [name for name, process in running.items() if process.poll() is not None]
        if ended or time.monotonic() > deadline:
            logs = [path.read_text(errors="replace") for path in sorted(folder.rglob("*log"))]
            what = f"{ended[0]} has ended" if ended else f"not ready after {START_SECONDS} s"
            raise ClusterError("\n".join([*logs, f"the test Slurm: {what}"]))
        time.sleep(0.1)


def node_is_idle(environment: dict[str, str]) -> bool:
    command = ["sinfo", "--noheader", "--Node", "--format=%t", "--partition=main"]
    asked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return asked.stdout.strip() == "idle"


def main(command: Sequence[str]) -> int:
    """Run the command beside a Slurm of its own; the exit status is the command's."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(128 + signal.SIGHUP))
    if reason := reason_to_skip():
        print(f"skipped, for want of a Slurm: {reason}")
        return 0
    try:
        with one_node_slurm() as environment:
            return child(command, environment).wait()
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
