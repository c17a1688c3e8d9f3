"""The callback that docs/callbacks.md shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from bench.callbacks.base import RunInfo
from bench.experiment.callbacks import make_callback
from bench.plugins import load_plugin

DOCUMENT = Path(__file__).parents[3] / "docs" / "callbacks.md"


def test_the_documented_callback_writes_its_line(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (tmp_path / "alarm.py").write_text(code)
    load_plugin(str(tmp_path / "alarm.py"))
    _, callback = make_callback("alarm[limit=31]")
    callback.on_start(RunInfo({}, {}, tmp_path))
    callback.on_end({"run_id": "a", "psnr": 31.5})
    assert not (tmp_path / "alarm.txt").exists()
    callback.on_end({"run_id": "b", "psnr": 30.456})
    assert (tmp_path / "alarm.txt").read_text() == "b: 30.46 dB\n"
