"""`params.yaml` as frozen values: everything that changes a result, and nothing else.

One section a step; one entry of `problems` a thing to predict. Variants are discriminated unions on `kind`. No field has a
default: what is not written in the file is a fault, so the file (which DVC compares) always holds the whole truth.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ostinato.core.errors import ParamsError

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


class Section(BaseModel):
    """A frozen section that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- ingest -----------------------------------------------------------------------------------------------------------


class DemoSource(Section):
    """The demo catalogue, rendered from public-domain scores on this machine."""

    kind: Literal["demo"]
    clips: int = Field(ge=24, le=20_000)
    seconds: float = Field(ge=2, le=60)
    seed: int


class FolderSource(Section):
    """A folder `DIR/<label>/<file>`, or one that `DIR/tracks.csv` describes."""

    kind: Literal["folder"]
    path: str


class TableSource(Section):
    """A CSV or Parquet table of tracks; audio only where it has a column `path`."""

    kind: Literal["table"]
    path: str
    key: str | None  # column that identifies a track; None: `track_id` or the row's number


Source = Annotated[DemoSource | FolderSource | TableSource, Field(discriminator="kind")]


class IngestParams(Section):
    """Where the catalogue comes from."""

    source: Source


# --- check, prepare, extract ------------------------------------------------------------------------------------------


class CheckParams(Section):
    """Which suites of `configs/quality/` judge the raw tables."""

    suites: tuple[str, ...]
    rights: Literal["respect", "ignore"]  # respect: tracks without consent or with an opt-out are not learnt from


class PrepareParams(Section):
    """How raw tables become clean ones."""

    duplicates: Literal["drop", "keep"]  # equal audio bytes, or equal keys
    numeric: Literal["median", "mice", "knn", "keep"]  # one value a column, or by the row's other columns
    categorical: Literal["mode", "keep"]


class ExtractParams(Section):
    """What is heard of each clip."""

    preset: Literal["line", "fast", "fma", "full"]
    sr: int = Field(ge=4_000, le=192_000)
    n_fft: int = Field(ge=64, le=65_536)
    hop_length: int = Field(ge=16, le=65_536)
    seconds: float = Field(gt=0, le=600)  # at most so much from the middle of a file, which bounds memory
    max_failed: float = Field(ge=0, le=1)  # share of clips that may fail before the run stops


# --- problems ---------------------------------------------------------------------------------------------------------


class Task(Section):
    """A thing to predict."""

    target: str
    kind: Literal["binary", "multiclass", "regression"]
    inputs: tuple[Literal["audio", "table"], ...] = Field(min_length=1)
    metric: Literal["log_loss", "accuracy", "macro_f1", "roc_auc", "rmse", "mae"]


class GroupedSplit(Section):
    """Folds and test of whole groups (artists, works), stratified by the target as well as groups allow."""

    kind: Literal["grouped"]
    group: str
    folds: int = Field(ge=2, le=20)
    test_share: float = Field(gt=0, lt=0.9)
    seed: int


class StratifiedSplit(Section):
    """Folds and test of single rows, stratified by the target: only where no groups are known."""

    kind: Literal["stratified"]
    folds: int = Field(ge=2, le=20)
    test_share: float = Field(gt=0, lt=0.9)
    seed: int


class RepeatedSplit(Section):
    """Several rounds of folds, each with a seed of its own, of whole groups or (`group: null`) of single rows; one test."""

    kind: Literal["repeated"]
    group: str | None
    folds: int = Field(ge=2, le=20)
    repeats: int = Field(ge=2, le=20)
    test_share: float = Field(gt=0, lt=0.9)
    seed: int

    def once(self) -> GroupedSplit | StratifiedSplit:
        """The split of the first round."""
        own = self.model_dump(include={"folds", "test_share", "seed"})
        if self.group is None:
            return StratifiedSplit(kind="stratified", **own)
        return GroupedSplit(kind="grouped", group=self.group, **own)


class TimeSplit(Section):
    """Folds and test in the order of a date column; the latest rows are the test."""

    kind: Literal["time"]
    column: str
    folds: int = Field(ge=2, le=20)
    test_share: float = Field(gt=0, lt=0.9)


class PurgedSplit(Section):
    """Folds in the order of a column, fenced off from what overlaps them (Lopez de Prado 2018); the latest rows are the test.

    `purge` is how long after its row a label is known, `embargo` how long after a fold nothing is learnt from; both in the
    numbers of the column, or as durations such as 7D where it holds dates.
    """

    kind: Literal["purged"]
    column: str
    folds: int = Field(ge=2, le=20)
    test_share: float = Field(gt=0, lt=0.9)
    purge: float | str
    embargo: float | str


Split = Annotated[GroupedSplit | StratifiedSplit | RepeatedSplit | TimeSplit | PurgedSplit, Field(discriminator="kind")]


class SearchParams(Section):
    """A search bounded by trials; its time is only a guard."""

    trials: int = Field(ge=1, le=10_000)
    algorithms: tuple[str, ...]  # keys of entries; empty: all that suit the problem
    keep: int = Field(ge=1, le=64)  # fitted candidates handed to the ensemble
    seed: int
    guard_seconds: float = Field(gt=0)


class EnsembleParams(Section):
    """Greedy weighted soft voting over the kept candidates."""

    rounds: int = Field(ge=1, le=500)
    max_members: int = Field(ge=1, le=32)


class Envelope(Section):
    """What a shipped artefact may cost, measured on the artefact itself."""

    max_bytes: int = Field(gt=0)
    max_p99_ms: float = Field(gt=0)


class Gates(Section):
    """What an evaluation must show before a version may wait for approval."""

    better_than_dummy: float = Field(ge=0)  # least gain over the dummy, in the units of the metric
    max_calibration_error: float | None = Field(default=..., ge=0, le=1)


class EvaluateParams(Section):
    """How a model is judged on the test fold."""

    bootstrap: int = Field(ge=0, le=10_000)  # resamples of groups behind each interval
    confidence: float = Field(gt=0, lt=1)
    slices: tuple[str, ...]  # columns by whose values the metric is shown
    gates: Gates
    envelope: Envelope
    seed: int


class RegisterParams(Section):
    """What the registry says of a version."""

    policy: str  # key of configs/approval.yaml
    owner: str
    purpose: str
    risk_tier: Literal["low", "medium", "high"]


class Problem(Section):
    """Everything the line needs to know of one thing to predict."""

    task: Task
    split: Split
    search: SearchParams
    ensemble: EnsembleParams
    evaluate: EvaluateParams
    register_: RegisterParams = Field(alias="register")


class BaselineParams(Section):
    """The reference for monitoring."""

    rows: int = Field(ge=10)  # at most so many rows are kept
    seed: int


class Params(Section):
    """The whole of `params.yaml`."""

    name: str  # of the workspace; models are called <name>.<problem>
    ingest: IngestParams
    check: CheckParams
    prepare: PrepareParams
    extract: ExtractParams
    problems: dict[str, Problem] = Field(min_length=1)
    baseline: BaselineParams

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        if not NAME.match(name):
            raise ValueError(f"{name!r} is not a name: lower-case letters, digits, - and _, at most 63, no dot")
        return name

    @field_validator("problems")
    @classmethod
    def _problems(cls, problems: dict[str, Problem]) -> dict[str, Problem]:
        for name in problems:
            if not NAME.match(name):
                raise ValueError(f"problem {name!r}: lower-case letters, digits, - and _, at most 63")
        return problems


Model = TypeVar("Model", bound=BaseModel)


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`; raises ParamsError with every fault at once."""
    return load_yaml(path, Params)


def load_yaml(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into a pydantic model; raises ParamsError with every fault at once."""
    value = read_yaml(path)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ParamsError.in_file(path, [_fault(item) for item in error.errors()]) from None


def read_yaml(path: Path) -> Any:
    """The value of a YAML file; raises ParamsError where it is missing or no YAML."""
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path}: there is no such file. Run the command from a workspace's root.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not readable as YAML: {' '.join(str(error).split())[:300]}") from None


def _fault(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "(top)"
    match item["type"]:
        case "extra_forbidden":
            return f"{where}: unknown key (a typing error? remove it)"
        case "missing":
            return f"{where}: missing"
        case _:
            shown = repr(item["input"])
            return f"{where}: {item['msg']}" + (f", got {shown}" if len(shown) <= 80 else "")  # noqa: PLR2004
