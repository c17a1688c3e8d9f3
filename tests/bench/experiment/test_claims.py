"""Claims: one taker, dead owners, and the races between them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.experiment import claims
from bench.experiment.claims import STALE_SECONDS, Claims, Owner, this_process

RACER = """
import sys, time
from pathlib import Path
from bench.experiment.claims import Claims
results, start = Path(sys.argv[1]), Path(sys.argv[2])
(results / f"ready-{sys.argv[3]}").touch()
while not start.exists():
    time.sleep(0.001)
taken = [name for name in map(str, range(20)) if Claims(results).take(name)]
print(" ".join(taken), flush=True)
sys.stdin.read()
"""


def write(results: Path, owner: Owner | dict[str, object], run_id: str = "run") -> Path:
    path = results / "claims" / run_id
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(owner if isinstance(owner, dict) else asdict(owner)))
    return path


def silent_for(path: Path, seconds: float) -> None:
    """Let the last sign of life be so long ago."""
    then = time.time() - seconds
    os.utime(path, (then, then))


@pytest.fixture
def dead() -> Owner:
    """An owner whose process has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    started = claims._start_of(process.pid)
    process.wait()
    return replace(this_process(), pid=process.pid, started=started)


def test_a_run_is_taken_once_and_free_again_after_release(tmp_path: Path) -> None:
    first = Claims(tmp_path).take("run")
    assert first is not None
    assert Claims(tmp_path).take("run") is None
    assert Claims(tmp_path).holder("run") == this_process()
    assert Claims(tmp_path).here() == 1
    first.release()
    assert Claims(tmp_path).holder("run") is None
    assert Claims(tmp_path).take("run") is not None


def test_the_claim_of_a_dead_process_is_taken_over(tmp_path: Path, dead: Owner) -> None:
    write(tmp_path, dead)
    assert Claims(tmp_path).held() == {}
    assert Claims(tmp_path).take("run") is not None
    assert Claims(tmp_path).holder("run") == this_process()


def test_a_process_number_used_again_is_not_the_owner(tmp_path: Path) -> None:
    write(tmp_path, replace(this_process(), started="1"))
    assert Claims(tmp_path).take("run") is not None


def test_a_killed_process_that_nobody_has_waited_for_is_dead(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(this_process(), pid=process.pid, started=claims._start_of(process.pid))
    write(tmp_path, owner)
    assert Claims(tmp_path).take("run") is None
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    assert Claims(tmp_path).take("run") is not None
    process.communicate()


def test_an_owner_elsewhere_is_alive_while_it_gives_signs_of_life(tmp_path: Path) -> None:
    path = write(tmp_path, Owner("node7", "node7 another-boot", 1, "1", ""))
    assert Claims(tmp_path).take("run") is None
    assert Claims(tmp_path).here() == 0
    silent_for(path, STALE_SECONDS + 10)
    assert Claims(tmp_path).take("run") is not None


def test_the_age_of_a_claim_does_not_depend_on_the_clock_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, Owner("node7", "node7 another-boot", 1, "1", ""))
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert Claims(tmp_path).take("run") is None


def test_a_job_that_was_requeued_takes_its_own_claim_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, Owner("node7", "node7 another-boot", 1, "1", "12_3"))
    assert Claims(tmp_path).take("run") is None
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert Claims(tmp_path).take("run") is None  # of another node of a job that goes on
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert Claims(tmp_path).take("run") is not None
    assert Claims(tmp_path).take("run") is None


@pytest.mark.parametrize("restarts", ["0", "1"])
def test_commands_in_one_allocation_respect_each_others_claims(
    restarts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv("SLURM_RESTART_COUNT", restarts)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        other = replace(this_process(), pid=process.pid, started=claims._start_of(process.pid))
        write(tmp_path, other)
        assert Claims(tmp_path).take("run") is None
        Claims(tmp_path).remove_stale()
        assert Claims(tmp_path).held() == {"run": other}
    assert Claims(tmp_path).take("run") is not None


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"pid": "1"}', b"\xff", b"[" * 9999])
def test_a_garbled_claim_is_respected_for_a_while(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, {})
    path.write_bytes(content)
    assert Claims(tmp_path).take("run") is None
    assert Claims(tmp_path).held()["run"].host == "?"
    silent_for(path, STALE_SECONDS + 10)
    assert Claims(tmp_path).take("run") is not None


def test_a_claim_that_is_no_file_does_not_hang_the_reader(tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    os.mkfifo(tmp_path / "claims" / "run")
    assert Claims(tmp_path).holder("run") is not None


def test_release_leaves_the_claim_of_whoever_took_over(tmp_path: Path) -> None:
    claim = Claims(tmp_path).take("run")
    assert claim is not None
    other = Owner("node7", "node7 another-boot", 1, "1", "")
    path = write(tmp_path, other)
    assert not claim.is_held
    claim.release()
    assert path.exists()


def test_a_sign_of_life_is_given_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = Claims(tmp_path).take("run")
    assert claim is not None
    path = tmp_path / "claims" / "run"
    silent_for(path, 1000)
    claim.refresh()
    assert time.time() - path.stat().st_mtime > 900  # it is too soon
    monkeypatch.setattr(claims, "REFRESH_SECONDS", 0.0)
    claim.refresh()
    assert time.time() - path.stat().st_mtime < 900


def test_what_the_dead_left_is_removed_and_the_living_are_not(tmp_path: Path, dead: Owner) -> None:
    write(tmp_path, dead, "old")
    living = Claims(tmp_path).take("run")
    assert living is not None
    Claims(tmp_path).remove_stale()
    assert os.listdir(tmp_path / "claims") == ["run"]
    living.release()
    Claims(tmp_path).remove_stale()
    assert not (tmp_path / "claims").exists()


def test_a_full_disk_leaves_no_claim_that_names_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(OSError, match="No space"):
        Claims(tmp_path).take("run")
    monkeypatch.undo()
    assert os.listdir(tmp_path / "claims") == []


def test_of_many_processes_that_take_over_from_the_dead_each_run_has_one(
    tmp_path: Path, dead: Owner
) -> None:
    for number in range(20):
        write(tmp_path, dead, str(number))
    start = tmp_path / "start"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path), str(start), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    while len(list(tmp_path.glob("ready-*"))) < len(racers):
        time.sleep(0.01)
    start.touch()
    # They stay alive until all have said what they took.
    said = [racer.stdout.readline() for racer in racers if racer.stdout]
    for racer in racers:
        racer.communicate()
    taken = [name for line in said for name in line.split()]
    assert sorted(taken, key=int) == [str(number) for number in range(20)]


def test_a_folder_that_another_command_clears_away_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_file, cleared = os.open, []

    def open_after_clearing(path: Path, *flags: int) -> int:
        if not cleared:
            cleared.append(path)
            (tmp_path / "claims").rmdir()
        return open_file(path, *flags)

    monkeypatch.setattr("os.open", open_after_clearing)
    assert Claims(tmp_path).take("run") is not None
    assert cleared
