import json

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from ostinato.core.errors import UsageError
from ostinato.features.folds import folds_for
from ostinato.features.leakage import KINDS, LeakageAuditor
from ostinato.features.leakage.membership import stems


@pytest.fixture
def table(rng):
    n = 600
    X = pd.DataFrame(rng.normal(size=(n, 6)), columns=[f"c{i}" for i in range(6)])
    X["colour"] = rng.choice(["red", "blue", None], n)
    X["days"] = rng.integers(0, 400, n)
    y = np.where(X["c0"] + rng.normal(size=n) > 0, "yes", "no")
    return X, y, folds_for("binary", y).fold - 1


def kinds(report):
    return [each.kind for each in report.findings]


def audit(X, y=None, folds=None, **known):
    return LeakageAuditor().audit(X, y, folds, **known)


def test_a_clean_split_is_clean(table):
    X, y, folds = table
    report = audit(X, y, folds, groups=np.arange(600), recordings=[f"song_{i:03d}.wav" for i in range(600)])
    assert report.clean, str(report)
    assert str(report) == "no leak found in 600 rows of 8 columns"
    assert report.skipped == ("order in time: no time was given",)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: rng.integers(0, 2, (500, 3)),
        lambda rng: rng.integers(0, 3, (500, 9)).astype(str),
        lambda rng: np.eye(5)[rng.integers(0, 5, (500, 3))].reshape(500, -1),
        lambda rng: np.where(rng.random((500, 20)) < 0.05, rng.normal(size=(500, 20)), 0),
        lambda rng: np.stack([v := rng.integers(0, 900, 500), 2 * v, v**2, -v], axis=1),
        lambda rng: np.round(rng.normal(size=(500, 2)), 1),
    ],
    ids=["binary", "categories", "one-hot", "sparse", "functions of one", "rounded"],
)
def test_equal_rows_that_chance_explains_are_no_leak(rng, make):
    X = make(rng)
    assert len(np.unique(X.astype(str), axis=0)) < 500
    assert kinds(audit(X, rng.integers(0, 2, 500), np.arange(500) % 5)) == []


def test_equal_rows_across_folds_are_named_with_their_rows(table):
    X, y, folds = table
    one = 7
    other = int(np.flatnonzero(folds != folds[one])[3])
    X.iloc[other] = X.iloc[one]
    (found,) = audit(X, y, folds).findings
    assert (found.kind, found.severity, found.rows, found.facts["pairs"]) == (
        "exact_duplicates",
        "critical",
        tuple(sorted((one, other))),
        1,
    )
    assert audit(X, y, np.zeros(600, dtype=int)).clean
    assert audit(X.assign(row=np.arange(600)), y, folds).of("exact_duplicates"), "an id must not hide a copy"


@pytest.mark.parametrize("rows", [600, 9_000])
def test_nearly_equal_rows_across_folds_are_named(rng, rows):
    X = rng.normal(size=(rows, 8))
    folds = np.arange(rows) % 5
    X[101], X[203] = X[50] + 1e-3 * rng.normal(size=8), X[204] + 1e-2 * rng.normal(size=8)
    (found,) = audit(X, None, folds).findings
    assert (found.kind, found.rows) == ("near_duplicates", (50, 101, 203, 204))


def test_a_row_on_both_sides_of_one_fold_is_a_fault(table):
    X, y, _ = table
    (found,) = audit(X, y, [(np.arange(400), np.arange(390, 600))]).of("exact_duplicates")
    assert (found.total, found.rows[0]) == (10, 390)


def test_groups_are_judged_by_the_sides_of_each_pair(table, rng):
    X, y, folds = table
    groups = np.array([f"g{i}" for i in rng.integers(0, 150, 600)], dtype=object)
    (found,) = audit(X, y, folds, groups=groups).findings
    assert (found.kind, len(found.rows)) == ("groups_across_folds", 50)
    assert found.total > 400
    assert audit(X, y, folds_for("binary", y, groups=groups), groups=groups).clean
    plan = folds_for("binary", y, groups=groups, time=np.arange(600))
    assert audit(X, y, plan, groups=groups, time=np.arange(600)).clean


COPIES = {
    "words": lambda y, rng: np.where(y == "yes", "A", "B"),
    "scaled": lambda y, rng: np.where(y == "yes", -3.0, 40.0),
    "noise": lambda y, rng: (y == "yes") + 0.05 * rng.normal(size=len(y)),
    "gaps": lambda y, rng: np.where(rng.random(len(y)) < 0.01, None, y),
    "some wrong": lambda y, rng: np.where(rng.random(len(y)) < 0.02, "no", y),
    "three words for two": lambda y, rng: np.where(y == "yes", rng.choice(["p", "q"], len(y)), "r"),
}


@pytest.mark.parametrize("form", COPIES)
def test_copies_of_a_label_are_named(table, rng, form):
    X, y, folds = table
    (found,) = audit(X.assign(again=COPIES[form](y, rng)), y, folds).findings
    assert (found.kind, found.columns, found.severity) == ("target_copy", ("again",), "critical")


@pytest.mark.parametrize(
    "form",
    [
        lambda y, rng: 2 - 3 * y,
        lambda y, rng: np.exp(3 * y),
        lambda y, rng: np.abs(y),
        lambda y, rng: y + 0.05 * rng.normal(size=len(y)),
        lambda y, rng: np.where(y > 0.3, "high", "low"),
    ],
    ids=["affine", "monotone", "folded", "noise", "binned"],
)
def test_copies_of_a_value_are_named(table, rng, form):
    X, _, _ = table
    y = X["c0"].to_numpy() + rng.normal(size=600)
    (found,) = audit(X.assign(again=form(y, rng)), y, folds_for("regression", y).fold).findings
    assert (found.kind, found.columns) == ("target_copy", ("again",))


def test_two_columns_that_make_the_target_are_named(table, rng):
    X, _, _ = table
    y = rng.lognormal(size=600)
    begin, price = 5 * rng.normal(size=600), rng.lognormal(size=600)
    assert audit(X.assign(begin=begin, end=begin + y), y).findings[0].columns == ("begin", "end")
    assert audit(X.assign(price=price, pieces=y / price), y).findings[0].columns == ("price", "pieces")


def test_an_easy_problem_is_no_leak(rng):
    label = rng.integers(0, 3, 400)
    assert audit(rng.normal(size=(400, 5)) + 12 * label[:, None], label, np.arange(400) % 5).clean


def test_several_labels_are_each_looked_at(table, rng):
    X, _, folds = table
    y = pd.DataFrame({"calm": rng.integers(0, 2, 600), "sad": rng.integers(0, 2, 600)})
    (found,) = audit(X.assign(again=1 - y["sad"]), y, folds).findings
    assert found.columns == ("again",)
    assert "'sad'" in found.what


def test_columns_filled_after_the_outcome_are_named(table, rng):
    X, y, folds = table
    late = (y == "yes") & (rng.random(600) < 0.5)
    forms = {
        "reason": np.where(late, rng.choice(["a", "b"], 600), None),
        "fee": np.where((y == "yes") & (rng.random(600) < 0.9), rng.lognormal(size=600), 0.0),
        "closed_at": pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, 600), unit="D")).where(
            late
        ),
    }
    report = audit(X.assign(**forms), y, folds)
    assert sorted(each.columns[0] for each in report.of("after_outcome")) == sorted(forms)
    assert len(report.findings) == 3
    gaps = X.assign(other=np.where(rng.random(600) < 0.3, np.nan, rng.normal(size=600)))
    assert audit(gaps, y, folds).clean


def test_dates_after_the_prediction_are_named_and_a_name_alone_is_nothing(table, rng):
    X, y, _ = table
    when = pd.Series(pd.date_range("2024-01-01", periods=600, freq="h"))
    X = X.assign(outcome_score=rng.normal(size=600), seen=when + pd.Timedelta("2D"), born=when - pd.Timedelta("900D"))
    (found,) = audit(X, y, folds_for("binary", y, time=when), time=when).findings
    assert (found.kind, found.columns, found.severity) == ("after_outcome", ("seen",), "warning")
    (found,) = audit(X.assign(outcome_score=(y == "yes") + 0.3 * rng.normal(size=600)), y).findings
    assert (found.kind, found.columns, found.severity) == ("after_outcome", ("outcome_score",), "warning")


def test_folds_that_mix_time_are_named(table):
    X, y, folds = table
    when = np.arange(600)
    (found,) = audit(X, y, folds, time=when).findings
    assert (found.kind, found.severity) == ("temporal_order", "critical")
    assert audit(X, y, np.where(when < 150, -1, when // 150), time=when).of("temporal_order"), "an early test"
    for plan in (folds_for("binary", y, time=when), folds_for("binary", y, time=when, horizon=9, embargo=4)):
        assert audit(X, y, plan, time=when).clean
    walk = np.cumsum(np.random.default_rng(1).normal(size=600))
    dated = X.assign(day=pd.date_range("2020-01-01", periods=600))
    (found,) = audit(dated, walk, folds).findings
    assert (found.kind, found.severity, found.columns) == ("temporal_order", "warning", ("day",))


NAMES = {
    "song_{}_part{}.wav": True,
    "a/live {} - slice {}.flac": True,
    "rec{}.wav#t={}": True,
    "{:04d}_seg{:03d}.ogg": True,
    "blues.{:05d}.{}.wav": True,
    "rec{}_{}0-{}9s.wav": True,
    "artist {}/track {}.mp3": False,
    "{:03d}/take_{}.wav": False,
    "clip_{}{}.wav": False,
    "20{:02d}-01-0{}.wav": False,
}


@pytest.mark.parametrize("form", NAMES)
def test_slices_are_known_by_their_names(table, form):
    X, y, folds = table
    names = [form.format(i // 4, 1 + i % 4, 1 + i % 4) for i in range(600)]
    for where in ({"recordings": names}, {"ids": names}):
        found = audit(X, y, folds, **where).findings
        assert [each.kind for each in found] == ["recording_slices"] * NAMES[form]
    grouped = folds_for("binary", y, groups=np.arange(600) // 4)
    assert audit(X, y, grouped, recordings=names).clean


def test_running_numbers_of_a_label_are_no_slices():
    names = np.array([f"{label}_clip_{i:03d}.wav" for label in ("jazz", "rock") for i in range(100)], dtype=object)
    assert (stems(names) == -1).all()


def test_one_hash_in_two_folds_is_named(table):
    X, y, folds = table
    hashes = np.array([f"{i:032x}" for i in range(600)], dtype=object)
    one, other = 3, int(np.flatnonzero(folds != folds[3])[0])
    hashes[other] = hashes[one]
    hashes[20:30] = None
    (found,) = audit(X, y, folds, recordings={"sha256": hashes}).findings
    assert (found.columns, found.rows) == (("sha256",), tuple(sorted((one, other))))


def test_preparation_fitted_on_the_test_is_named(table):
    X, y, folds = table
    names = ["c0", "c1"]
    learnt = X[folds != -1]
    for rows, expected in ((X, ["preprocessing"] * 2), (learnt, [])):
        fitted = [StandardScaler().fit(rows[names]), SimpleImputer(strategy="median").fit(rows[names])]
        report = audit(X, y, folds, preprocessing=fitted)
        assert kinds(report) == expected
        scaled = X.assign(**{name: (X[name] - rows[name].mean()) / rows[name].std(ddof=0) for name in names})
        assert kinds(audit(scaled.astype({"c0": "float32"}), y, folds)) == expected[:1]
    rare = X.assign(colour=np.where(np.arange(600) == np.flatnonzero(folds == -1)[0], "green", "red"))
    claim = {"colour": {"categories": ["green", "red"]}}
    assert kinds(audit(rare, y, folds, preprocessing=claim)) == ["preprocessing"]
    assert audit(X, y, folds, preprocessing={"colour": {"categories": ["blue", "red"]}}).clean


@pytest.mark.parametrize("smooth", [0, 20])
def test_encodings_by_the_target_of_the_test_are_named(table, rng, smooth):
    X, y, folds = table
    city, hit = rng.integers(0, 15, 600), (y == "yes").astype(float)
    for rows, expected in ((np.ones(600, bool), ["preprocessing"]), (folds != -1, [])):
        count = np.bincount(city[rows], minlength=15)
        total = np.bincount(city[rows], weights=hit[rows], minlength=15)
        encoded = (total + smooth * hit[rows].mean()) / (count + smooth)
        assert kinds(audit(X.assign(city=encoded[city]), y, folds)) == expected
        names = [f"town {n}" for n in range(15)]
        claim = {"town": {"encoding": dict(zip(names, encoded, strict=True))}}
        assert kinds(audit(X.assign(town=np.array(names)[city]), y, folds, preprocessing=claim)) == expected


IDS = {
    "numbers": (lambda rng: np.arange(600), True),
    "shuffled": (lambda rng: rng.permutation(600) + 5000, True),
    "hashes": (lambda rng: [f"{v:016x}" for v in rng.integers(2**60, 2**62, 600)], True),
    "exponents": (lambda rng: [f"5e{v}" for v in rng.integers(10**14, 10**15, 600)], True),
    "uris": (lambda rng: [f"spotify:track:{v}" for v in rng.permutation(600)], True),
    "measured": (lambda rng: rng.integers(100_000, 9_000_000, 600), False),
    "titles": (lambda rng: [f"Song of the {v}th day" for v in range(600)], False),
    "dates": (lambda rng: pd.date_range("2020-01-01", periods=600).astype(str), False),
    "labels": (lambda rng: rng.integers(0, 40, 600), False),
}


@pytest.mark.parametrize("form", IDS)
def test_identifiers_are_named_and_measurements_are_not(table, rng, form):
    X, y, folds = table
    make, expected = IDS[form]
    found = audit(X.assign(column=make(rng)), y, folds).findings
    assert [(each.kind, each.columns) for each in found] == [("identifier", ("column",))] * expected


def test_the_report_is_bounded_json_and_the_same_each_time(table):
    X, y, folds = table
    X = X.assign(copy=y, row=np.arange(600))
    auditor = LeakageAuditor(most_rows=3)
    one, two = (auditor.audit(X, y, folds, groups=np.arange(600) % 30, time=np.arange(600)) for _ in range(2))
    assert json.dumps(one.to_dict()) == json.dumps(two.to_dict())
    assert all(len(each.rows) <= 3 for each in one.findings)
    assert set(kinds(one)) == {"groups_across_folds", "target_copy", "temporal_order", "identifier"} <= set(KINDS)
    assert [each.severity for each in one.findings] == ["critical"] * 3 + ["warning"]
    assert len(one.critical) == 3


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((0, 3)),
        np.zeros((1, 3)),
        np.zeros((2, 0)),
        np.zeros((40, 3)),
        np.full((40, 2), np.nan),
        np.full((40, 2), np.inf),
        [["a", 1], [None, "x"], [2.5, [1]]],
        pd.DataFrame({"a": [1j] * 5, "b": [pd.NaT] * 5, "c": [b"x"] * 5}),
        pd.DataFrame([[1, 2]] * 60, columns=["a", "a"]),
        pd.DataFrame(
            {
                "a": pd.Categorical(["x", None] * 30),
                "b": pd.array([1, None] * 30, dtype="Int64"),
                "c": [True, False] * 30,
            }
        ),
    ],
    ids=[
        "no rows",
        "one row",
        "no columns",
        "constant",
        "all missing",
        "infinite",
        "mixed",
        "strange",
        "equal names",
        "types",
    ],
)
def test_hostile_tables_do_not_crash(X):
    n = len(X)
    y = np.arange(n) // 2 % 2
    report = audit(X, y, np.arange(n) % 3, groups=np.arange(n), time=np.arange(n) if n else None)
    json.dumps(report.to_dict())
    assert set(kinds(report)) <= {"temporal_order"}


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"folds": [0, 1]}, r"folds has the shape \(2,\)"),
        ({"folds": [(np.array([0]), np.array([900]))]}, "position 900 is not a row"),
        ({"groups": [1, 2]}, "groups has 2 rows, X has 600"),
        ({"y": 3}, "y has no rows, X has 600"),
        ({"preprocessing": {"zzz": {"mean": 1}}}, "no column 'zzz'"),
        ({"preprocessing": {"c0": {"mode": 1}}}, "no statistic 'mode'"),
        ({"preprocessing": StandardScaler().fit(np.zeros((3, 2)))}, "StandardScaler does not say its columns"),
    ],
)
def test_what_does_not_fit_together_is_refused(table, known, message):
    X, y, folds = table
    with pytest.raises(UsageError, match=message):
        audit(X, **({"y": y, "folds": folds} | known))


def test_input_is_left_alone(table):
    X, y, folds = table
    before = X.copy(deep=True)
    audit(X, y, folds, groups=np.arange(600) % 40)
    pd.testing.assert_frame_equal(X, before)
