"""The documentation site has every page."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_page_is_in_the_contents_of_the_site() -> None:
    index = (DOCS / "index.md").read_text()
    listed = set(re.findall(r"^([\w/-]+)$", index, re.MULTILINE))
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"} | {"tutorial"}
    assert pages <= listed
    assert listed - pages == {"generated/columns", "generated/commands", "generated/api"}
