"""The processor, as Linux tells of it: what cannot be read is empty."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
# Each field and the keys of /proc/cpuinfo that may hold it: on x86, then on ARM.
KEYS = {
    "processor": ("model name",),
    "vendor": ("vendor_id", "CPU implementer"),
    "family": ("cpu family", "CPU architecture"),
    "model": ("model", "CPU part"),
    "stepping": ("stepping", "CPU revision"),
    "microcode": ("microcode",),
    "flags": ("flags", "Features"),
}


@cache
def processor() -> dict[str, str]:
    """Name, vendor, family, model, stepping and microcode of the first processor, sorted flags.

    A name such as "AMD EPYC" stands for processors that compute differently; all of it together
    does not. Other systems than Linux tell the name at most.
    """
    fields = parse_cpuinfo(_content())
    # platform.processor() is empty, or only the architecture, on Linux.
    name = fields["processor"] or platform.processor() or platform.machine()
    return {**fields, "processor": name}


def parse_cpuinfo(text: str) -> dict[str, str]:
    """The fields in the content of /proc/cpuinfo, "" where it has none."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip(), value.strip())  # of the first processor
    fields = {
        name: next((found[key] for key in keys if key in found), "") for name, keys in KEYS.items()
    }
    return {**fields, "flags": " ".join(sorted(fields["flags"].split()))}


def _content() -> str:
    try:
        return CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
