"""Great Expectations as it comes: a batch of a frame, validated by the vendor alone."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ostinato.quality.suites import great_expectations

logger = logging.getLogger(__name__)
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
    """The vendor's results one by one, in the order of the expectations (it sorts them by column and by failure).

    An expectation that would end the whole validation, such as a type under a condition on a column that is missing, fails
    alone, with the exception in its result as the vendor writes others.
    """
    marked = [
        each.copy(update={"id": None, "meta": (each.meta or {}) | {_MARK: number}})
        for number, each in enumerate(expectations)
    ]
    try:
        found = {item.expectation_config.meta[_MARK]: item for item in plain(name, marked, frame).results}
    except Exception as error:  # noqa: BLE001 - the vendor's boundary: anything may come, and becomes a result
        if len(expectations) == 1:
            return [_failed(name, expectations[0], error)]
        return [plain_results(name, [each], frame)[0] for each in expectations]
    results = [found[number] for number in range(len(expectations))]
    for item, each in zip(results, expectations, strict=True):
        item.expectation_config.meta = each.configuration.meta
        item.expectation_config.id = each.id
    return results


def _failed(name: str, expectation: Any, error: Exception) -> Any:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.validator.exception_info import ExceptionInfo

    logger.debug("%s raised", expectation.expectation_type, exc_info=error)
    configuration = expectation.configuration
    configuration.kwargs.update({"batch_id": batch_id(name)})
    told = "".join(traceback.format_exception(error))
    info = ExceptionInfo(exception_traceback=told, exception_message=str(error))
    return ExpectationValidationResult(success=False, exception_info=info, expectation_config=configuration)
