"""What /proc/cpuinfo tells of a processor, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.machine import processor as module
from bench.machine.description import describe_machine
from bench.machine.processor import KEYS, parse_cpuinfo, processor

EPYC = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
stepping\t: 1
microcode\t: 0x1000065
flags\t\t: vme fpu avx2
power management:

processor\t: 1
vendor_id\t: AuthenticAMD
model\t\t: 99
flags\t\t: fpu
"""
ARM = """\
processor\t: 0
Features\t: fp asimd aes
CPU implementer\t: 0x41
CPU architecture: 8
CPU part\t: 0xd0c
CPU revision\t: 1
"""


@pytest.fixture
def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that is read, which is not there yet."""
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr(module, "CPUINFO", path)
    processor.cache_clear()
    monkeypatch.setattr(module.platform, "processor", lambda: "")
    monkeypatch.setattr(module.platform, "machine", lambda: "riscv64")
    return path


@pytest.fixture(autouse=True)
def forgets() -> object:
    yield
    processor.cache_clear()


def test_the_first_processor_is_described_with_sorted_flags() -> None:
    assert parse_cpuinfo(EPYC) == {
        "processor": "AMD EPYC",
        "vendor": "AuthenticAMD",
        "family": "25",
        "model": "17",
        "stepping": "1",
        "microcode": "0x1000065",
        "flags": "avx2 fpu vme",
    }


def test_arm_has_other_names_for_it_and_no_microcode() -> None:
    fields = parse_cpuinfo(ARM)
    assert (fields["vendor"], fields["model"], fields["flags"]) == ("0x41", "0xd0c", "aes asimd fp")
    assert fields["microcode"] == fields["processor"] == ""


@pytest.mark.parametrize("content", [b"", b"no colon\n\xff\xfe: \xff\n", None])
def test_what_cannot_be_read_is_empty_and_the_name_the_architecture(
    cpuinfo: Path, content: bytes | None
) -> None:
    if content is not None:
        cpuinfo.write_bytes(content)
    assert processor() == {**dict.fromkeys(KEYS, ""), "processor": "riscv64"}


def test_the_description_of_the_machine_ends_with_the_processor(cpuinfo: Path) -> None:
    cpuinfo.write_text(EPYC)
    machine = describe_machine()
    assert machine["cpu"] == "AMD EPYC"
    assert list(machine)[-6:] == ["vendor", "family", "model", "stepping", "microcode", "flags"]
    assert machine["flags"] == "avx2 fpu vme"
