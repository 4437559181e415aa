import json

import numpy as np
import pandas as pd
import pytest

from ostinato import DataQualityAnalyzer
from ostinato.core.errors import UsageError


def kinds(report, column=None):
    return {finding.kind for finding in report.findings if column is None or column in finding.columns}


@pytest.fixture
def tracks(rng):
    n = 400
    return pd.DataFrame(
        {
            "track_id": [f"t{i:05d}" for i in range(n)],
            "isrc": [f"DEA12{i % 100:02d}{i:05d}" for i in range(n)],
            "bpm": rng.normal(120, 10, n),
            "genre": rng.choice(["rock", "jazz", "folk"], n),
            "released": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(n), unit="D"),
        }
    )


def test_a_clean_table_has_no_findings_worth_a_warning(tracks):
    report = DataQualityAnalyzer().analyze(tracks)
    assert not report.of_severity("critical")
    assert not report.of_severity("warning")
    assert report.score.total == 100


def test_columns_are_known_by_what_they_mean(tracks):
    tracks["page"] = "https://example.org/" + tracks["track_id"]
    tracks["language"] = np.resize(["en", "de", "fr"], len(tracks))
    tracks["explicit"] = np.resize(["yes", "no", "no"], len(tracks))
    tracks["version"] = 1
    found = {each.name: each.meaning for each in DataQualityAnalyzer().analyze(tracks).columns}
    assert found == {
        "track_id": "identifier",
        "isrc": "ISRC",
        "bpm": "number",
        "genre": "category",
        "released": "date",
        "page": "URL",
        "language": "language",
        "explicit": "yes or no",
        "version": "constant",
    }


def test_the_same_table_gives_the_same_bytes(tracks):
    first, second = (DataQualityAnalyzer(n_jobs=jobs).analyze(tracks).to_json() for jobs in (1, 2))
    assert first == second
    assert json.loads(first)["rows"] == len(tracks)


def test_the_table_is_left_as_it_was(tracks):
    before = tracks.copy(deep=True)
    DataQualityAnalyzer().analyze(tracks)
    pd.testing.assert_frame_equal(tracks, before)


def test_a_column_that_is_not_there_is_named(tracks):
    with pytest.raises(UsageError, match="target='mood'.*no such column.*track_id"):
        DataQualityAnalyzer(target="mood").analyze(tracks)


def test_named_columns_of_a_key_may_be_several(tracks):
    tracks["side"] = np.resize([1, 2], len(tracks))
    tracks["track_id"] = np.repeat(tracks["track_id"].to_numpy()[::2], 2)
    assert "duplicate_key" not in kinds(DataQualityAnalyzer(key=["track_id", "side"]).analyze(tracks))
    report = DataQualityAnalyzer(key="track_id").analyze(tracks)
    found = next(each for each in report.findings if each.kind == "duplicate_key")
    assert (found.severity, found.count, found.rows[0]) == ("critical", 200, 1)


def test_a_target_that_differs_for_one_key_is_critical(tracks):
    tracks.loc[399, "track_id"] = tracks.loc[0, "track_id"]
    tracks.loc[[0, 399], "genre"] = ["rock", "jazz"]
    tracks.loc[399, ["isrc", "bpm", "released"]] = tracks.loc[0, ["isrc", "bpm", "released"]]
    report = DataQualityAnalyzer(target="genre").analyze(tracks)
    assert "duplicate_key" in {each.kind for each in report.of_severity("critical")}


def test_rows_that_repeat_are_counted_as_pandas_counts_them(rng):
    frame = pd.DataFrame(
        {
            "a": rng.integers(0, 4, 500),
            "b": rng.choice(["x", "y", None], 500),
            "c": rng.choice([0.0, -0.0, np.nan], 500),
        }
    )
    report = DataQualityAnalyzer().analyze(frame)
    assert report.duplicates.rows == int(frame.duplicated().sum())


def test_counts_and_quantiles_are_those_of_pandas(rng):
    values = pd.Series(rng.gamma(2, 3, 3001).round(2))
    values[::7] = np.nan
    spread = DataQualityAnalyzer().analyze(values.to_frame("x")).column("x").spread
    assert spread.distinct == values.nunique()
    for q in (0, 0.25, 0.5, 0.99, 1):
        assert spread.quantiles[f"{q:g}"] == pytest.approx(values.quantile(q), rel=1e-12)
    assert (spread.mean, spread.std) == pytest.approx((values.mean(), values.std(ddof=0)))
    assert spread.skew == pytest.approx(values.skew(), rel=1e-2)
    assert sum(spread.histogram.counts) + spread.histogram.below + spread.histogram.above == values.notna().sum()


def test_copies_and_renamings_of_a_column_are_found(tracks):
    tracks["copy"] = tracks["bpm"]
    tracks["style"] = tracks["genre"].map({"rock": 1, "jazz": 2, "folk": 3})
    report = DataQualityAnalyzer().analyze(tracks)
    assert set(report.duplicates.equal_columns) == {("bpm", "copy"), ("genre", "style")}


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": pd.Series([], dtype=object)}),
        pd.DataFrame(index=[0, 1]),
    ],
    ids=["nothing", "no rows", "no rows of words", "no columns"],
)
def test_an_empty_table_is_a_finding(frame, tmp_path):
    report = DataQualityAnalyzer().analyze(frame)
    assert kinds(report) == {"empty_table"}
    assert report.score.total == 0
    report.to_html(tmp_path / "page.html")
    json.loads(report.to_json())


ODD = {
    "one row": [1],
    "all missing": [None] * 30,
    "constant": [7] * 30,
    "infinite": [np.inf, -np.inf, 1.0] * 10,
    "all infinite": [np.inf] * 30,
    "huge": [1e308, -1e308] * 15,
    "huge whole": pd.Series([10**400, 1, 2] * 10, dtype=object),
    "mixed": [1, "a", 2.5, None, b"\xff", pd.Timestamp("2020-01-01")] * 5,
    "nested": [[1], {"a": 2}, (3,)] * 10,
    "surrogate": ["\ud800", "a", "b"] * 10,
    "non-ASCII": ["Björk", "坂本", "Đorđe 🎻"] * 10,
    "complex": [1 + 2j, 3j] * 15,
    "bytes": [b"a", b"b"] * 15,
    "timedelta": list(pd.to_timedelta(range(30), unit="s")),
    "period": list(pd.period_range("2020-01", periods=30, freq="M")),
    "interval": list(pd.interval_range(0, 30)),
    "nan words": ["nan", "", " "] * 10,
    "far dates": list(pd.Series(["0001-01-01", "9999-12-31", "2020-02-30"] * 10)),
}


@pytest.mark.parametrize("values", ODD.values(), ids=ODD.keys())
def test_odd_columns_give_a_report(values, tmp_path):
    frame = pd.DataFrame({"x": values, "y": np.arange(len(values)) % 3})
    report = DataQualityAnalyzer(target="y", time="x").analyze(frame)
    assert report.column("x").rows == len(values)
    json.loads(report.to_json())
    report.to_html(tmp_path / "page.html")
    assert "x" in str(report) or report.findings == ()


@pytest.mark.parametrize(
    "dtype", ["Int64", "Float32", "boolean", "string", "string[pyarrow]", "int64[pyarrow]", "category", "Sparse[int64]"]
)
def test_the_types_of_pandas_are_read_alike(dtype):
    values = pd.Series([1, 0, 1, 0, 1] * 10)
    own = values.astype("string").astype(dtype) if "string" in dtype else values.astype(dtype)
    report = DataQualityAnalyzer().analyze(pd.DataFrame({"x": own}))
    column = report.column("x")
    assert (column.distinct, column.missing, column.filled) == (2, 0, 50)


def test_names_that_are_not_words_and_names_twice():
    frame = pd.DataFrame([[1, 2, 3], [4, 5, 6]], columns=[0, "a", "a"])
    report = DataQualityAnalyzer().analyze(frame)
    assert [each.name for each in report.columns] == ["0", "a", "a (2)"]
    assert "column_names" in kinds(report)


def test_an_array_is_a_table_and_a_list_is_not():
    assert DataQualityAnalyzer().analyze(np.eye(3)).rows == 3
    with pytest.raises(UsageError, match="list is no table"):
        DataQualityAnalyzer().analyze([1, 2])


def test_the_page_needs_nothing_and_escapes_what_it_shows(tracks, tmp_path):
    tracks["<script>alert(1)</script>"] = "<img src=x>"
    page = (
        DataQualityAnalyzer(target="genre").analyze(tracks).to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    )
    assert "<script" not in page
    assert "<img" not in page
    assert not [word for word in ("<link", "@import", "url(", 'src="', 'href="http') if word in page]
    assert "prefers-color-scheme:dark" in page
