"""What does not fit inside a column."""

import numpy as np
import pandas as pd
import pytest

from ostinato import DataQualityAnalyzer


def of_kind(frame, kind, **settings):
    found = [each for each in DataQualityAnalyzer(**settings).analyze(frame).findings if each.kind == kind]
    assert len(found) <= 1
    return found[0] if found else None


def column(values):
    return pd.DataFrame({"x": pd.Series(values)})


def test_numbers_kept_as_text_with_blanks():
    frame = column([f"{n}.5" for n in range(60)] + [" "] * 3)
    profile = DataQualityAnalyzer().analyze(frame).column("x")
    assert (profile.meaning, profile.blank, profile.spread.distinct) == ("number", 3, 60)
    assert of_kind(frame, "numbers_as_text").severity == "warning"
    assert of_kind(frame, "blank_values").rows == (60, 61, 62)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("1,234.5", 1234.5),
        ("1.234,56", 1234.56),
        ("12,5", 12.5),
        ("45 %", 45.0),
        ("€ 3.50", 3.5),
        ("-7", -7.0),
        ("+1e3", 1000.0),
    ],
)
def test_forms_of_numbers(words, value):
    spread = DataQualityAnalyzer().analyze(column([words] * 5 + ["1"])).column("x").spread
    assert value in spread.quantiles.values()


def test_a_date_column_of_four_forms():
    days = pd.date_range("2020-01-13", periods=40)
    forms = ["%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%B %d, %Y"]
    frame = column([day.strftime(forms[at % 4]) for at, day in enumerate(days)])
    report = DataQualityAnalyzer().analyze(frame)
    assert report.column("x").meaning == "date"
    assert (report.column("x").moments.first[:10], report.column("x").moments.last[:10]) == ("2020-01-13", "2020-02-21")
    found = of_kind(frame, "date_forms")
    assert "4 forms" in found.says
    assert found.count == 30


def test_the_order_of_day_and_month_is_taken_from_the_column():
    sure = DataQualityAnalyzer().analyze(column(["03/04/2020", "25/04/2020"] * 10))
    assert sure.column("x").moments.first.startswith("2020-04-03")
    assert of_kind(column(["03/04/2020", "05/04/2020"] * 10), "date_order_unclear").count == 20


def test_years_among_dates_are_dates_and_among_numbers_numbers():
    assert DataQualityAnalyzer().analyze(column(["2019-06-14", "2012", "2012-01"] * 9)).column("x").meaning == "date"
    assert DataQualityAnalyzer().analyze(column(["2019", "12.5", "7"] * 9)).column("x").meaning == "number"


def test_days_that_do_not_exist():
    assert of_kind(column(["2021-02-28", "2021-03-01"] * 10 + ["2021-02-30"]), "impossible_dates").count == 1


def test_a_type_that_changes_half_way():
    found = of_kind(column([1.5] * 50 + ["a"] * 40), "mixed_types")
    assert found.severity == "critical"
    assert "row 50" in found.says
    assert found.rows[0] == 50


def test_content_that_changes_half_way():
    found = of_kind(column([f"{n}" for n in range(100)] + [f"n{n:03d}x y" for n in range(60)]), "mixed_content")
    assert found.severity == "critical"
    assert "row 100" in found.says


def test_types_that_are_strewn_are_no_change(rng):
    values = [1 if at else "a" for at in rng.integers(0, 5, 200)]
    found = of_kind(column(values), "mixed_types")
    assert found.severity == "warning"
    assert "changes" not in found.says


def test_zones_mixed_and_missing():
    utc = [
        pd.Timestamp("2020-01-01", tz="UTC"),
        pd.Timestamp("2020-01-01", tz="Europe/Berlin"),
        pd.Timestamp("2020-01-01"),
    ]
    frame = pd.DataFrame({"x": pd.Series(utc * 10, dtype=object)})
    report = DataQualityAnalyzer().analyze(frame)
    assert report.column("x").moments.zones == {"Europe/Berlin": 10, "UTC": 10, "none": 10}
    assert report.column("x").moments.first == "2019-12-31T23:00:00"
    assert of_kind(frame, "time_zones").severity == "critical"
    words = column(["2020-01-01T10:00:00Z", "2020-01-01T10:00:00+02:00", "2020-01-01 10:00:00"] * 10)
    assert of_kind(words, "time_zones").count == 10


def test_one_zone_is_no_finding():
    assert of_kind(column(pd.date_range("2020-01-01", periods=30, tz="Asia/Tokyo")), "time_zones") is None


def test_spellings_of_one_category():
    found = of_kind(column(["Hip-Hop", "hip hop", "Rock", "Jazz"] * 10), "spellings")
    assert found.count == 10
    assert "hip hop" in found.says


def test_a_third_answer_is_not_wrong():
    frame = column(["Yes", "No", "No internet"] * 40)
    assert DataQualityAnalyzer().analyze(frame).column("x").meaning == "category"
    assert of_kind(frame, "mixed_content") is None


def test_titles_that_look_like_nothing_are_titles():
    names = [f"song of the river {chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(300)] + ["None", "?", "Unknown"]
    assert DataQualityAnalyzer().analyze(column(names)).column("x").blank == 0
    assert DataQualityAnalyzer().analyze(column(["a", "b", "?"] * 20)).column("x").blank == 20


def test_a_spike_at_zero_and_a_sentinel(rng):
    values = rng.integers(1, 100, 2000)
    values[:200] = 0
    assert of_kind(column(values), "spike").count == 200
    assert of_kind(column(values), "spike", target="x").severity == "warning"
    coded = rng.normal(50, 5, 2000).round(1)
    coded[::10] = -999
    assert of_kind(column(coded), "spike").severity == "warning"


def test_infinite_and_far_out(rng):
    values = rng.normal(0, 1, 1000)
    values[[3, 5]] = np.inf, -np.inf
    values[7] = 50.0
    frame = column(values)
    assert of_kind(frame, "infinite").rows == (3, 5)
    assert of_kind(frame, "far_out").rows == (7,)


def test_a_key_column_may_be_numbers_text_or_running():
    n = 50
    frame = pd.DataFrame(
        {
            "row": range(n),
            "customerID": [f"{n:04d}-AB" for n in range(n)],
            "album_id": [f"{k % 10:022d}" for k in range(n)],
            "uuid": [f"{k:08d}-aaaa-4aaa-8aaa-aaaaaaaaaaaa" for k in range(n)],
        }
    )
    found = {each.name: each.meaning for each in DataQualityAnalyzer().analyze(frame).columns}
    assert found == {"row": "identifier", "customerID": "identifier", "album_id": "reference", "uuid": "identifier"}


def test_the_language_of_texts():
    lines = ["the night and the river are not for you my love", "we are all in this with you and the moon"]
    report = DataQualityAnalyzer().analyze(column([f"{lines[n % 2]} {n}" for n in range(60)]))
    assert (report.column("x").meaning, report.column("x").words.language) == ("text", "English")
