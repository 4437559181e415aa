"""Where and how Ostinato works on this machine: environment variables with the prefix `OSTINATO_`, read once, on demand.

Settings never change a result; what does is a parameter (`ostinato.core.params`).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ostinato.core.errors import ParamsError, listed


class Settings(BaseSettings):
    """The environment's word on where and how."""

    model_config = SettingsConfigDict(env_prefix="OSTINATO_", frozen=True, extra="ignore")

    home: Path | None = None  # the installation's root; default: the nearest folder upwards with params.yaml
    jobs: int = Field(default=0, ge=0)  # worker processes; 0: as many as cores
    # a Dask scheduler over whose workers `extract` spreads (tcp://host:8786), or workers for one run: local:4, package.Class:4
    dask: str | None = Field(default=None, pattern=r"^(\w+://\S+|[\w.]+:[1-9]\d*)$")
    mlflow_tracking_uri: str | None = None  # default: sqlite under <home>/.ostinato
    mlflow_artifact_root: str | None = None  # default: <home>/.ostinato/artifacts; s3://… works
    prefect_api_url: str | None = None  # default: a running `make deploy` server, else one for the run alone
    prefect_port: int = Field(default=4200, ge=1, le=65535)
    mlflow_port: int = Field(default=5000, ge=1, le=65535)
    feature_cache_bytes: int = Field(default=2_000_000_000, ge=0)
    # where a feature store serves from (redis://host:6379/0); default: a SQLite file in the store's folder
    online_store: str | None = Field(default=None, pattern=r"^(redis|rediss|unix)://\S+$")
    user: str | None = None  # who acts, where --by is not said


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process; raises ParamsError where a variable does not parse."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [f"OSTINATO_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors()]
        raise ParamsError("settings in the environment are wrong\n" + listed(faults)) from None
