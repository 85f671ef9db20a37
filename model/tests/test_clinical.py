"""Promises of `clinical`: R's odds ratios, entry and adjustment as in Table 2, a model file that scores others, and refusals."""

import csv
import json
import os
import pathlib
import re

import numpy as np
import pytest

REQUIRED = "DLNMS_REQUIRE_ALL" in os.environ
ROOT = pathlib.Path(__file__).resolve().parents[2]
TRUTH = pathlib.Path(os.environ.get("DLNMS_SHARED", ROOT.parent / "shared")) / "truth" / "statistics"
if not REQUIRED:
    for module in ("scipy", "sklearn", "statsmodels"):
        pytest.importorskip(module, reason=f"SKIPPED LOUDLY: {module} is not installed: pip install 'dlnms_model[evaluate]'")

from scipy import special, stats  # noqa: E402

from dlnms_model import __main__  # noqa: E402

needs_truth = pytest.mark.skipif(not TRUTH.is_dir() and not REQUIRED, reason=f"SKIPPED LOUDLY: R's numbers are not at {TRUTH}")
SHA = "0123456789abcdef" * 4


def write_table(path, table):
    with open(path, "w", newline="") as f:
        w = csv.writer(f)
        w.writerow(table)
        w.writerows(zip(*table.values()))
    return path


def fit(out, table, *options):
    """Writes the table, fits and returns the model, or None after a refusal."""
    path = table if isinstance(table, pathlib.Path) else write_table(out.parent / f"{out.name}.csv", table)
    code = __main__.main(["clinical", "fit", "--table", str(path), *options, "--out", str(out), "--quiet"])
    assert (code == 0) == (out / "model.json").exists() and not list(out.parent.glob(f".{out.name}*")), "something half-written was left"
    return json.loads((out / "model.json").read_text()) if code == 0 else None


def score(model, out, *tables, more=()):
    return __main__.main(["clinical", "score", "--model", str(model), *(x for t in tables for x in ("--table", str(t))), "--out", str(out), *more, "--quiet"])


def rows_of(path):
    return list(csv.DictReader(path.open()))


@pytest.fixture(scope="module")
def asah():
    rows = list(csv.DictReader((TRUTH / "aSAH.csv").open()))
    return {"patient": [f"p{i}" for i in range(len(rows))], "poor": [int(r["outcome"] == "Poor") for r in rows], **{k: [r[k] for r in rows] for k in ("age", "gender", "s100b", "ndka", "wfns")}}


FULL = "age,gender=Female,s100b,log(ndka),wfns"


@needs_truth
def test_odds_ratios_of_the_multivariable_model_equal_R(asah, tmp_path):
    t = json.loads((TRUTH / "aSAH_logistic.json").read_text())
    model = fit(tmp_path / "out", asah, "--label", "poor", "--terms", FULL, "--entry", "1")
    many = model["multivariable"]
    ours = [many["intercept"], *(many["terms"][k] for k in FULL.split(","))]
    for mine, theirs in (("coefficient", "coef"), ("se", "se"), ("z", "z"), ("p", "p"), ("odds_ratio", "or")):
        # R's standard errors hold the weights of the step before the last: 3.6e-9 in p and in the interval.
        assert [o[mine] for o in ours] == pytest.approx(t[theirs], rel=1e-8 if theirs == "p" else 2e-9, abs=1e-12)
    assert [[o["low"], o["high"]] for o in ours] == [pytest.approx(r, rel=1e-8) for r in t["or_wald"]]
    assert [-2 * many["log_likelihood"], model["apparent"]["auroc"]] == pytest.approx([t["deviance"], t["auc_full"]], rel=1e-9)
    p = [o["p"] for o in ours[1:]]
    assert [o["p_adjusted"] for o in ours[1:]] == pytest.approx(stats.false_discovery_control(p), rel=1e-12)
    base = fit(tmp_path / "base", asah, "--label", "poor", "--terms", "age,gender=Female,s100b", "--entry", "1")["multivariable"]
    assert [base["intercept"]["coefficient"], *(o["coefficient"] for o in base["terms"].values())] == pytest.approx(t["base"]["coef"], rel=1e-9)
    assert stats.chi2.sf(2 * (many["log_likelihood"] - base["log_likelihood"]), 2) == pytest.approx(t["lrt_vs_base"], rel=1e-8)


@needs_truth
def test_the_model_file_gives_R_s_fitted_probabilities(asah, tmp_path):
    assert fit(tmp_path / "out", asah, "--label", "poor", "--terms", FULL, "--entry", "1")
    assert score(tmp_path / "out/model.json", tmp_path / "scores.csv", tmp_path / "out.csv") == 0
    rows, truth = rows_of(tmp_path / "scores.csv"), [float(r["p_full"]) for r in rows_of(TRUTH / "aSAH_logistic_pred.csv")]
    assert [float(r["clinical_poor"]) for r in rows] == pytest.approx(truth, rel=1e-9)
    assert {r["in_training_of_clinical_poor"] for r in rows} == {"1"} and rows[0]["model"] == "regression: clinical_poor"


@needs_truth
def test_columns_enter_by_their_univariable_p(asah, tmp_path):
    """Univariable p below 0.1 enters; the truth of each single regression is the closed form of a 2 x 2 table for the binary one."""
    asah = {**asah, "female": [int(g == "Female") for g in asah["gender"]], "noise": [(i * 37) % 11 for i in range(113)]}
    model = fit(tmp_path / "out", asah, "--label", "poor", "--terms", "age,female,ndka,noise,wfns")
    one, many = model["univariable"], model["multivariable"]["terms"]
    assert set(many) == {n for n in one if one[n]["p"] < 0.1} and "noise" in one and "noise" not in many
    y, f = np.array(asah["poor"]), np.array(asah["female"])
    a, b, c, d = ((y == i) & (f == j) for i, j in ((1, 1), (1, 0), (0, 1), (0, 0)))
    a, b, c, d = (int(v.sum()) for v in (a, b, c, d))
    se = np.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    assert one["female"]["odds_ratio"] == pytest.approx(a * d / (b * c), rel=1e-9) and one["female"]["se"] == pytest.approx(se, rel=1e-9)
    assert one["female"]["low"] == pytest.approx(a * d / (b * c) * np.exp(-1.959963984540054 * se), rel=1e-9)
    lines = rows_of(tmp_path / "out/table2.csv")
    assert [r["term"] for r in lines] == list(one) and next(r for r in lines if r["term"] == "noise")["multivariable_p"] == ""
    page = (tmp_path / "out/report.html").read_text()
    assert "Table 2" in page and f"{one['female']['odds_ratio']:.3f}" in page and "Benjamini" in page and not re.search(r"(src|href)=|<script", page)


def made(n=400, seed=3):
    """A cohort with known effects: age 0.03 a year, solid 1.2, network 0.8 of its logit; TLG means nothing."""
    rng = np.random.default_rng(seed)
    age, solid, sex, tlg, net = rng.normal(60, 9, n), rng.random(n) < 0.5, rng.random(n) < 0.5, rng.exponential(40, n), rng.normal(-1, 1.2, n)
    y = rng.random(n) < special.expit(-1 + 0.03 * (age - 60) + 1.2 * solid + 0.8 * (net + 1))
    cohort = {"patient": [f"P{i}" for i in range(n)], "study": [f"s{i}" for i in range(n)], "tumour": [""] * n, "n1": y.astype(int).tolist(), "n2": [0] * n,
              "split": ["training" if i < n // 2 else "external" for i in range(n)], "age": age.tolist(), "type": np.where(solid, "solid", "subsolid").tolist(),
              "sex": np.where(sex, "male", "female").tolist(), "tlg": tlg.tolist()}
    return cohort, {"patient": cohort["patient"], "score_n1": special.expit(net).tolist(), "model": ["bundle 1.0.0"] * n, "model_sha256": [SHA] * n}


@pytest.fixture
def road(tmp_path):
    """Cohort, the network's scores, a clinical and a fused model of the training split, and their score files."""
    cohort, scores = made()
    files = {"cohort": write_table(tmp_path / "cohort.csv", cohort), "scores": write_table(tmp_path / "scores.csv", scores)}
    training = ("--where", "split=training", "--label", "n1", "--terms", "age,type,sex,tlg")
    files["clinical"] = fit(tmp_path / "clinical", files["cohort"], *training)
    files["fused"] = fit(tmp_path / "fused", files["cohort"], "--table", str(files["scores"]), *training, "--fuse", "score_n1")
    assert score(tmp_path / "clinical/model.json", tmp_path / "clinical_n1.csv", files["cohort"]) == 0
    assert score(tmp_path / "fused/model.json", tmp_path / "fused_n1.csv", files["cohort"], files["scores"]) == 0
    return files


def evaluate(tmp_path, *more, scores="score_n1,clinical_n1,fused_n1", out="evaluation"):
    files = [x for n in ("cohort.csv", "scores.csv", "clinical_n1.csv", "fused_n1.csv") for x in ("--table", str(tmp_path / n))]
    code = __main__.main(["evaluate", *files, "--outcome", "n1", "--scores", scores, "--bootstrap", "0", *more, "--out", str(tmp_path / out), "--quiet"])
    return json.loads((tmp_path / out / "evaluation.json").read_text()) if code == 0 else None


def test_clinical_and_fused_models_stand_beside_the_network(road, tmp_path):
    terms = [t["term"] for t in road["clinical"]["terms"]]
    assert terms == ["age", "type=solid"]
    assert [t["term"] for t in road["fused"]["terms"]] == [*terms, "logit(score_n1)"]
    network = road["fused"]["multivariable"]["terms"]["logit(score_n1)"]
    assert abs(network["coefficient"] - 0.8) < 3 * network["se"] and road["fused"]["network_added"]["p"] < 1e-4 and road["fused"]["network"]["sha256"] == SHA
    e = evaluate(tmp_path, "--where", "split=external")
    auroc = {n: s["auroc"]["value"] for n, s in e["scores"].items()}
    assert e["table"]["n"] == 200 and auroc["fused_n1"] > max(auroc["clinical_n1"], auroc["score_n1"]) and len(e["comparisons"]) == 3
    assert not [w for w in e["warnings"] if "was fitted to" in w] and e["table"]["models"]["fused_n1"]["model"] == "regression: fused_n1"
    everybody = evaluate(tmp_path, out="all")
    assert "column clinical_n1: its model was fitted to 200 of these 400 patients, hence optimistic" in everybody["warnings"]
    for name in ("clinical/model.json", "fused/model.json", "fused/report.html"):
        assert "P17" not in (tmp_path / name).read_text()


def test_scores_of_another_bundle_are_refused(road, tmp_path, capsys):
    cohort, scores = made()
    other = write_table(tmp_path / "other.csv", {**scores, "model": ["other 2.0.0"] * 400, "model_sha256": [SHA[::-1]] * 400})
    assert score(tmp_path / "fused/model.json", tmp_path / "x.csv", tmp_path / "cohort.csv", other) == 1
    assert "other.csv, column score_n1: the scores come from another model (other 2.0.0); this model was fused with bundle 1.0.0" in capsys.readouterr().err
    bare = write_table(tmp_path / "bare.csv", {k: scores[k] for k in ("patient", "score_n1")})
    assert score(tmp_path / "fused/model.json", tmp_path / "x.csv", tmp_path / "cohort.csv", bare) == 1
    assert "do not say which bundle gave them" in capsys.readouterr().err and not (tmp_path / "x.csv").exists()
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/manifest.json").write_text(json.dumps({"id": "mine", "version": "1.0.0", "weights": "trained", "card": "c", "heads": []}))
    assert evaluate(tmp_path, "--bundle", str(tmp_path / "bundle")) is None
    assert "scores.csv, column score_n1: these are scores of another bundle (bundle 1.0.0, manifest 0123456789ab...)" in capsys.readouterr().err
    import hashlib
    digest = hashlib.sha256((tmp_path / "bundle/manifest.json").read_bytes()).hexdigest()
    write_table(tmp_path / "scores.csv", {**scores, "model_sha256": [digest] * 400})
    assert evaluate(tmp_path, "--bundle", str(tmp_path / "bundle"))["model_card"]["name"] == "mine"
    mixed = {**scores, "model_sha256": [digest] * 399 + [SHA]}
    write_table(tmp_path / "scores.csv", mixed)
    assert evaluate(tmp_path, out="mixed") is None and "scores.csv, row 401, column model_sha256: another model than in row 2" in capsys.readouterr().err


def test_a_table_of_unknown_origin_is_evaluated_with_a_warning(road, tmp_path):
    cohort, scores = made()
    write_table(tmp_path / "scores.csv", {k: scores[k] for k in ("patient", "score_n1")})
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/manifest.json").write_text(json.dumps({"id": "mine", "version": "1.0.0", "weights": "trained"}))
    e = evaluate(tmp_path, "--bundle", str(tmp_path / "bundle"))
    assert [w for w in e["warnings"] if w.startswith("column score_n1: the table does not say which model gave it")]


def test_values_outside_the_training_range_are_said_and_unknown_words_refused(road, tmp_path, capsys):
    cohort, _ = made()
    cohort["age"][5] = 99
    assert score(tmp_path / "clinical/model.json", tmp_path / "far.csv", write_table(tmp_path / "far_cohort.csv", cohort)) == 0
    code = __main__.main(["clinical", "score", "--model", str(tmp_path / "clinical/model.json"), "--table", str(tmp_path / "far_cohort.csv"), "--out", str(tmp_path / "far.csv")])
    seen = made()[0]["age"][:200]
    outside = sum(not min(seen) <= a <= max(seen) for a in cohort["age"])
    assert code == 0 and outside >= 1 and f"warning: age: {outside} of 400 patients lie outside the range" in capsys.readouterr().err
    cohort["type"][7] = "Solid"
    assert score(tmp_path / "clinical/model.json", tmp_path / "word.csv", write_table(tmp_path / "word_cohort.csv", cohort)) == 1
    assert "word_cohort.csv, row 9, column type: none of the words that the term type=solid knows (solid, subsolid)" in capsys.readouterr().err
    cohort["type"][7] = ""
    path = write_table(tmp_path / "gap_cohort.csv", cohort)
    assert score(tmp_path / "clinical/model.json", tmp_path / "gap.csv", path) == 1 and "row 9, column type: no value" in capsys.readouterr().err
    assert score(tmp_path / "clinical/model.json", tmp_path / "gap.csv", path, more=("--drop-missing",)) == 0 and len(rows_of(tmp_path / "gap.csv")) == 399


@pytest.mark.parametrize("change, options, message", [
    ({"n1": [1] * 9 + [0] * 391}, (), "column n1: refused: 9 positives, fewer than ten: no p-value means anything"),
    ({"n1": [0] * 400}, (), "column n1: all 400 rows are 0: both classes are needed"),
    ({"n1": [2] * 400}, (), "row 2, column n1: a label must be 0 or 1"),
    ({"age": ["nan"] * 400}, (), "row 2, column age: no value"),
    ({"age": ["1e999"] * 400}, (), "row 2, column age: not a finite number"),
    ({"age": ["old"] + [60] * 399}, (), "row 2, column age: a word where a number is expected; for words write age=WORD"),
    ({"sex": ["male"] * 399 + ["M"]}, ("--terms", "sex"), "row 401, column sex: must be male or female"),
    ({}, ("--terms", "weight"), "there is no column 'weight'"),
    ({}, ("--terms", "type=ground glass"), "column type: no row holds the word of the term type=ground glass"),
    ({}, ("--terms", "log(n2)"), "row 2, column n2: not positive, so it has no logarithm"),
    ({}, ("--terms", "age,age"), "a term is named twice"),
    ({}, ("--terms", "age,n1"), "the label is among the terms"),
    ({}, ("--terms", "tlg", "--entry", "0.0001"), "no column has a univariable p below 0.0001, so there is no model"),
    ({}, ("--terms", "age", "--entry", "2"), "--entry: must lie between 0 and 1"),
    ({}, ("--terms", ""), "--terms: at least one term is needed"),
    ({}, ("--terms", "age", "--where", "split=nothing"), "--where split=nothing: no row fulfils it; the values are external, training"),
    ({}, ("--terms", "age", "--fuse", "age"), "not a probability between 0 and 1, so it has no logit"),
])
def test_bad_input_is_refused_by_row_and_column(change, options, message, tmp_path, capsys):
    cohort, _ = made()
    options = options if "--terms" in options else ("--terms", "age", *options)
    assert fit(tmp_path / "out", {**cohort, **change}, "--label", "n1", *options) is None
    assert message in capsys.readouterr().err


def test_separated_constant_and_dependent_columns_have_no_model(tmp_path, capsys):
    cohort, _ = made()
    cohort["x_tells"] = cohort["n1"]
    cohort["x_flat"] = [5] * 400
    cohort["x_months"] = [12 * a for a in cohort["age"]]
    model = fit(tmp_path / "out", cohort, "--label", "n1", "--terms", "type,x_tells,x_flat", "--entry", "1")
    assert "no finite maximum" in model["univariable"]["x_tells"]["refused"] and "same value everywhere" in model["univariable"]["x_flat"]["refused"]
    assert [t["term"] for t in model["terms"]] == ["type=solid"]
    assert fit(tmp_path / "two", cohort, "--label", "n1", "--terms", "age,x_months", "--entry", "1") is None
    assert "give no model: x_months follows from the columns before it" in capsys.readouterr().err
    assert fit(tmp_path / "three", cohort, "--label", "n1", "--terms", "x_tells") is None and "(x_tells: refused: the likelihood has no finite maximum" in capsys.readouterr().err


def test_units_do_not_change_the_model(tmp_path):
    cohort, _ = made()
    cohort["x_age"] = [a * 1e6 for a in cohort["age"]]
    a, b = (fit(tmp_path / n, cohort, "--label", "n1", "--terms", f"{c},type", "--entry", "1")["multivariable"]["terms"] for n, c in (("a", "age"), ("b", "x_age")))
    assert a["age"]["z"] == pytest.approx(b["x_age"]["z"], rel=1e-9) and a["age"]["coefficient"] == pytest.approx(b["x_age"]["coefficient"] * 1e6, rel=1e-9)


def test_patients_without_a_value_are_left_out_only_when_asked_and_counted(tmp_path):
    cohort, _ = made()
    cohort["age"][:7] = [""] * 7
    assert fit(tmp_path / "out", cohort, "--label", "n1", "--terms", "age,type") is None
    model = fit(tmp_path / "kept", cohort, "--label", "n1", "--terms", "age,type", "--entry", "1", "--drop-missing")
    assert model["training"]["n"] == 393 and "7 of 400 patients were left out because a value is missing (age 7)" in model["warnings"]


def test_a_file_that_is_no_model_is_refused(road, tmp_path, capsys):
    model = json.loads((tmp_path / "clinical/model.json").read_text())
    for text in ("{", "[]", "{}", json.dumps({**model, "format": 9}), json.dumps({**model, "terms": []}), json.dumps({**model, "intercept": "x"})):
        (tmp_path / "bad.json").write_text(text)
        assert score(tmp_path / "bad.json", tmp_path / "x.csv", tmp_path / "cohort.csv") == 1
        assert "bad.json: " in (err := capsys.readouterr().err) and "Traceback" not in err
    assert not (tmp_path / "x.csv").exists()
