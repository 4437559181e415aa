"""Great Expectations as it comes: a batch of a frame, validated by the vendor alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ostinato.quality.suites import great_expectations

# The vendor's own evaluation of expectations is called by name (`_validate`), which another release may change; with a release
# that the differential test has not seen, everything is left to the vendor.
TRIED = ("1.24.",)
SOURCE = "frames"
_MARK = "position"  # of an expectation among those that are judged together


def result_format() -> dict[str, Any]:
    """The format of every result, made anew because the vendor writes into it."""
    return {"result_format": "COMPLETE", "return_unexpected_index_query": False}


def tried() -> bool:
    """Whether the installed release is one whose results were compared."""
    return str(great_expectations().__version__).startswith(TRIED)


def batch_id(name: str) -> str:
    """What the vendor calls the batch of a frame."""
    return f"{SOURCE}-{name}"


def plain(name: str, expectations: Sequence[Any], frame: pd.DataFrame) -> Any:
    """The vendor's validation result of a frame, as `ExpectationSuiteValidationResult`; the frame is not changed."""
    gx = great_expectations()
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas(SOURCE).add_dataframe_asset(name)
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
    return batch.validate(gx.ExpectationSuite(name, expectations=list(expectations)), result_format=result_format())


def plain_results(name: str, expectations: Sequence[Any], frame: pd.DataFrame) -> list[Any]:
    """The vendor's results one by one, in the order of the expectations (it sorts them by column and by failure)."""
    marked = [
        each.copy(update={"id": None, "meta": (each.meta or {}) | {_MARK: number}})
        for number, each in enumerate(expectations)
    ]
    found = {item.expectation_config.meta[_MARK]: item for item in plain(name, marked, frame).results}
    results = [found[number] for number in range(len(expectations))]
    for item, each in zip(results, expectations, strict=True):
        item.expectation_config.meta = each.configuration.meta
        item.expectation_config.id = each.id
    return results
