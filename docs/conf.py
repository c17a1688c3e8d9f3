"""Builds the site from the pages of this folder: `make docs`, without a network."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # for `generated`, and for the code
os.environ["COLUMNS"] = "88"  # argparse wraps the help texts to it

from bench import __version__  # noqa: E402

project = "implicit-bench"
author = copyright = "implicit-bench contributors"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "generated"]

highlight_language = "none"
default_role = "code"

myst_enable_extensions: list[str] = []
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_output_stderr = "remove"  # warnings of a busy machine, and of libraries
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# Names that stand for Any where PyTorch is not to be imported.
autodoc_type_aliases = {
    name: name for name in ("Tensor", "FixedPointMap", "ForwardSolver", "DataTerm", "Reconstruct")
}
python_maximum_signature_line_length = 90

html_theme = "furo"
html_title = "implicit-bench"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
