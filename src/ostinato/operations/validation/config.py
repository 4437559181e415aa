"""The bounds of the checks, from `configs/validation.yaml`: every check is named there, and no other."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ostinato.core.params import Section, load_yaml
from ostinato.tenancy.workspace import Workspace

FILE = "validation.yaml"


class Bounds(Section):
    """What one check may show."""

    def shown(self) -> str:
        """The bounds in a few words."""
        return ", ".join(f"{name} {value}" for name, value in self.model_dump().items())


class Environment(Bounds):
    """Python's version, packages that may differ from the lock, free disk in bytes."""

    python: str = Field(pattern=r"^\d+\.\d+$")
    differing: int = Field(ge=0)
    free_bytes: int = Field(ge=0)

    def shown(self) -> str:
        """The bounds in a few words."""
        return f"≤ {self.differing} packages, Python {self.python}, ≥ {megabytes(self.free_bytes)} free"


class Configuration(Bounds):
    """Faults in parameters and configuration."""

    faults: int = Field(ge=0)

    def shown(self) -> str:
        """The bound in a few words."""
        return f"≤ {self.faults}"


class DataQuality(Bounds):
    """Share of tracks set aside, 0 to 1."""

    set_aside: float = Field(ge=0, le=1)

    def shown(self) -> str:
        """The bound in a few words."""
        return f"≤ {self.set_aside:.1%}"


class Differing(Bounds):
    """Files that may differ when they are made anew."""

    differing: int = Field(ge=0)

    def shown(self) -> str:
        """The bound in a few words."""
        return f"≤ {self.differing}"


class Difference(Bounds):
    """Largest absolute difference of a figure that is computed anew."""

    difference: float = Field(ge=0)

    def shown(self) -> str:
        """The bound in a few words."""
        return f"≤ {self.difference:g}"


class Features(Difference):
    """How many clips are heard anew, and how far their features may lie from the stored ones."""

    clips: int = Field(ge=1, le=1000)


class Search(Difference):
    """Least families and trials of a search."""

    families: int = Field(ge=1)
    trials: int = Field(ge=1)

    def shown(self) -> str:
        """The bounds in a few words."""
        return f"≤ {self.difference:g}, ≥ {self.trials} trials of ≥ {self.families} families"


class Ensemble(Difference):
    """Least gain over the best single candidate, in the units of the metric."""

    gain: float

    def shown(self) -> str:
        """The bound in a few words."""
        return f"≥ {self.gain:g}"


class Registry(Bounds):
    """Requests that a policy accepts although it should refuse them."""

    accepted: int = Field(ge=0)

    def shown(self) -> str:
        """The bound in a few words."""
        return "all refused" if self.accepted == 0 else f"≤ {self.accepted} accepted"


class Monitoring(Bounds):
    """Batches of each kind, rows of each, the planted shift in standard deviations, and the seed of the draws."""

    batches: int = Field(ge=1, le=50)
    rows: int = Field(ge=2)
    shift: float = Field(gt=0)
    seed: int

    def shown(self) -> str:
        """The bound in a few words."""
        return "all right"


class Scoring(Bounds):
    """What one row may cost in a fresh process: size of the artefact, milliseconds, peak memory."""

    bytes: int = Field(gt=0)
    p50_ms: float = Field(gt=0)
    p99_ms: float = Field(gt=0)
    rss_bytes: int = Field(gt=0)

    def shown(self) -> str:
        """The bounds in a few words."""
        return "≤ " + cost(self.p50_ms, self.p99_ms, self.bytes, self.rss_bytes)


class Isolation(Bounds):
    """Ways from one workspace into another."""

    leaks: int = Field(ge=0)

    def shown(self) -> str:
        """The bound in a few words."""
        return f"≤ {self.leaks}"


class EndToEnd(Difference):
    """Milliseconds of a lineage answer."""

    lineage_ms: float = Field(gt=0)

    def shown(self) -> str:
        """The bound in a few words."""
        return f"≤ {self.lineage_ms:g} ms"


class ValidationConfig(Section):
    """The whole of `configs/validation.yaml`; the order of these fields is the order of the checks."""

    environment: Environment
    configuration: Configuration
    data_quality: DataQuality = Field(alias="data-quality")
    preparation: Differing
    features: Features
    search: Search
    ensemble: Ensemble
    evaluation_gates: Difference = Field(alias="evaluation-gates")
    registry_and_approval: Registry = Field(alias="registry-and-approval")
    monitoring: Monitoring
    scoring: Scoring
    isolation: Isolation
    reproducibility: Differing
    end_to_end: EndToEnd = Field(alias="end-to-end")

    def bounds(self) -> dict[str, Bounds]:
        """Bounds by the check's name, in order."""
        return {info.alias or name: getattr(self, name) for name, info in type(self).model_fields.items()}


def load_validation(workspace: Workspace) -> ValidationConfig:
    """The workspace's bounds, or its installation's; raises ParamsError with every fault at once."""
    own = workspace.configs / FILE
    return load_bounds(own if own.is_file() else workspace.home / "configs" / FILE)


def load_bounds(path: Path) -> ValidationConfig:
    """The bounds of a file; raises ParamsError with every fault at once, unknown and missing checks included."""
    return load_yaml(path, ValidationConfig)


def cost(p50_ms: float, p99_ms: float, size: int, rss: int) -> str:
    """The four figures of an artefact's cost in one line."""
    return f"p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms, {megabytes(size)}, {megabytes(rss)} of memory"


def megabytes(count: int) -> str:
    """Bytes for people.

    >>> megabytes(393_110)
    '0.4 MB'
    """
    return f"{count / 1e6:,.1f} MB"
