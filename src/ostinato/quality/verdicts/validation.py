"""Judge a frame by expectations: what is certain here, the rest by Great Expectations."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ostinato.quality.suites import great_expectations
from ostinato.quality.verdicts import vendor
from ostinato.quality.verdicts.columns import Column, Mask
from ostinato.quality.verdicts.figures import FIGURES, TABLE, of_table
from ostinato.quality.verdicts.pairs import PAIRS, considered, unexpected
from ostinato.quality.verdicts.rows import JUDGES
from ostinato.quality.verdicts.table import Table, columns_of
from ostinato.quality.verdicts.unsure import Unsure

logger = logging.getLogger(__name__)
_MOST = 200  # values that the vendor lists (MAX_RESULT_RECORDS)


def validate(name: str, expectations: Sequence[Any], frame: pd.DataFrame) -> Any:
    """An `ExpectationSuiteValidationResult` of a frame, whose results stand in the order of the expectations."""
    results = evaluate(name, expectations, frame).results
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.validator.validation_statistics import calc_validation_statistics

    found = calc_validation_statistics(results)
    loaded = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return ExpectationSuiteValidationResult(
        results=results,
        success=found.success,
        suite_name=name,
        statistics={
            "evaluated_expectations": found.evaluated_expectations,
            "successful_expectations": found.successful_expectations,
            "unsuccessful_expectations": found.unsuccessful_expectations,
            "success_percent": found.success_percent,
        },
        meta={
            "great_expectations_version": great_expectations().__version__,
            "batch_spec": {"batch_data": "PandasDataFrame"},
            "batch_markers": {"ge_load_time": loaded},
            "active_batch_definition": {
                "datasource_name": vendor.SOURCE,
                "data_connector_name": "fluent",
                "data_asset_name": name,
                "batch_identifiers": {"dataframe": "<DATAFRAME>"},
            },
        },
        batch_id=vendor.batch_id(name),
    )


@dataclass(frozen=True)
class Evaluated:
    """One `ExpectationValidationResult` for each expectation, in their order; `here` counts those not left to the vendor."""

    results: list[Any]
    here: int


def evaluate(name: str, expectations: Sequence[Any], frame: pd.DataFrame) -> Evaluated:
    """Judge each expectation, here or by the vendor; the frame is not changed."""
    table = Table(frame)
    results: list[Any] = [None] * len(expectations)
    if table.certain and vendor.tried():
        for number, expectation in enumerate(expectations):
            results[number] = _own(name, table, expectation)
    rest = [number for number, result in enumerate(results) if result is None]
    if rest:
        left = [expectations[number] for number in rest]
        logger.debug("%s: %d of %d expectations by Great Expectations itself", name, len(rest), len(expectations))
        found = vendor.plain_results(name, left, _narrowed(frame, left) if table.certain else frame)
        for number, result in zip(rest, found, strict=True):
            results[number] = result
    return Evaluated(results, len(expectations) - len(rest))


def _own(name: str, table: Table, expectation: Any) -> Any:
    """The result of an expectation, or None where it is left to the vendor."""
    try:
        return _result(name, table, expectation)
    except Unsure:
        return None
    except Exception:
        logger.debug("%s is left to Great Expectations", expectation.expectation_type, exc_info=True)
        return None


def _result(name: str, table: Table, expectation: Any) -> Any:
    kind = expectation.expectation_type
    if type(expectation).__module__.rpartition(".")[2] != kind:
        raise Unsure  # somebody's own expectation under a known name
    configuration = expectation.configuration
    if "result_format" in configuration.kwargs or any(_parameter(each) for each in configuration.kwargs.values()):
        raise Unsure
    configuration.kwargs.update({"batch_id": vendor.batch_id(name)})
    expectation = configuration.to_domain_obj()
    metrics = _metrics(kind, table, expectation)
    return _told(expectation, metrics)


def _parameter(value: Any) -> bool:
    return isinstance(value, dict) and "$PARAMETER" in value


def _told(expectation: Any, metrics: dict[str, Any]) -> Any:
    """The vendor's own reading of the figures."""
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.expectations.expectation_configuration import parse_result_format

    raw = expectation._validate(
        metrics=metrics,
        runtime_configuration={"result_format": parse_result_format(vendor.result_format())},
        execution_engine=PandasExecutionEngine(),
    )
    return expectation._build_evr(raw_response=raw)


def _metrics(kind: str, table: Table, expectation: Any) -> dict[str, Any]:
    if kind in TABLE:
        return of_table(table.frame)
    condition, parser = expectation.row_condition, expectation.condition_parser
    if kind in FIGURES:
        return FIGURES[kind](table.column(expectation.column, condition, parser), expectation)
    if kind in JUDGES:
        column = table.column(expectation.column, condition, parser)
        types: dict[str, Any] = {}
        if kind.endswith(("_of_type", "_in_type_list")):
            types = {"table.column_types": [{"name": expectation.column, "type": column.series.dtype}]}
            if column.series.dtype != object:
                return types
        return types | _map_metrics(expectation.map_metric, column, JUDGES[kind](column, expectation))
    if kind in PAIRS:
        first = table.column(expectation.column_A, condition, parser)
        second = table.column(expectation.column_B, condition, parser)
        return _pair_metrics(expectation, first, second)
    raise Unsure


def _map_metrics(metric: str, column: Column, bad: Mask) -> dict[str, Any]:
    at = np.flatnonzero(bad)
    return {
        "table.row_count": column.rows,
        "column_values.nonnull.unexpected_count": column.gaps,
        f"{metric}.unexpected_count": len(at),
        f"{metric}.unexpected_values": list(column.series.iloc[at[:_MOST]]),
        f"{metric}.unexpected_index_list": _labels(column, at),
    }


def _pair_metrics(expectation: Any, first: Column, second: Column) -> dict[str, Any]:
    counted = considered(first, second, expectation.ignore_row_if)
    at = np.flatnonzero(unexpected(first, second, expectation) & counted)
    shown = (column.series.iloc[at[:_MOST]].values for column in (first, second))
    metric = expectation.map_metric
    return {
        "table.row_count": first.rows,
        f"{metric}.filtered_row_count": int(np.count_nonzero(counted)),
        f"{metric}.unexpected_count": len(at),
        f"{metric}.unexpected_values": list(zip(*shown, strict=True)),
        f"{metric}.unexpected_index_list": _labels(first, at),
    }


def _labels(column: Column, at: Any) -> list[int]:
    index = column.series.index
    labels: list[int] = at.tolist() if type(index) is pd.RangeIndex else index.to_numpy()[at].tolist()
    return labels


def _narrowed(frame: pd.DataFrame, expectations: Sequence[Any]) -> pd.DataFrame:
    """The columns that the expectations name, so that the vendor copies no others; the whole frame where it is not clear."""
    named: set[str] = set()
    for expectation in expectations:
        own = [getattr(expectation, field, None) for field in ("column", "column_A", "column_B")]
        condition = columns_of(getattr(expectation, "row_condition", None))
        if condition is None or not any(own) or expectation.expectation_type in TABLE:
            return frame
        named |= {each for each in own if each} | condition
    return frame[[each for each in frame.columns if each in named]] if named <= set(frame.columns) else frame
