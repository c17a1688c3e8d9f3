"""Records: what a run leaves behind, written whole or not at all, and read back with suspicion.

A results folder holds `experiment.yaml`, `plan.json` and a folder per run, `runs/<run_id>/`, with
`record.json` (one scalar row), `curve.csv` (a row per evaluation point) and, where there is
something to say, `steps.csv` (a row per training step), `reconstruction.csv` (per iteration
budget), `memory.csv` (per number of forward iterations), `images.csv` (per test image),
`pictures.csv` (per larger test picture), `metrics.csv` (per value that the method reported of its
own), `samples.npz` and `pictures.npz`. The measurements
of `bench gradients` are the rows of one file, `gradients.csv`.
"""

from bench.records.model import DamagedRecord as DamagedRecord
from bench.records.model import RunRecord as RunRecord
from bench.records.model import Samples as Samples
from bench.records.parquet import check_parquet as check_parquet
from bench.records.plan import CONFIGURATIONS as CONFIGURATIONS
from bench.records.plan import Plan as Plan
from bench.records.reading import load_results as load_results
from bench.records.reading import read_experiment as read_experiment
from bench.records.reading import read_gradients as read_gradients
from bench.records.reading import read_plan as read_plan
from bench.records.reading import read_record as read_record
from bench.records.reading import read_row as read_row
from bench.records.reading import read_rows as read_rows
from bench.records.results import Results as Results
from bench.records.schema import COMPLETED as COMPLETED
from bench.records.schema import CURVE_COLUMNS as CURVE_COLUMNS
from bench.records.schema import GRADIENT_COLUMNS as GRADIENT_COLUMNS
from bench.records.schema import IMAGE_COLUMNS as IMAGE_COLUMNS
from bench.records.schema import MEMORY_COLUMNS as MEMORY_COLUMNS
from bench.records.schema import METRIC_COLUMNS as METRIC_COLUMNS
from bench.records.schema import PICTURE_COLUMNS as PICTURE_COLUMNS
from bench.records.schema import RECONSTRUCTION_COLUMNS as RECONSTRUCTION_COLUMNS
from bench.records.schema import RUN_COLUMNS as RUN_COLUMNS
from bench.records.schema import SCHEMA_VERSION as SCHEMA_VERSION
from bench.records.schema import STATUSES as STATUSES
from bench.records.schema import STEP_COLUMNS as STEP_COLUMNS
from bench.records.wholeness import damage_of as damage_of
from bench.records.workload import USUAL_NETWORK as USUAL_NETWORK
from bench.records.workload import layer_label as layer_label
from bench.records.writing import write_experiment as write_experiment
from bench.records.writing import write_gradients as write_gradients
from bench.records.writing import write_plan as write_plan
from bench.records.writing import write_record as write_record
from bench.records.writing import write_text as write_text
