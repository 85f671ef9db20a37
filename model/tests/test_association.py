"""Texture features and gene sets that go with scores: on made cohorts whose answer is known, and on refusals."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra `evaluate`: pip install 'dlnms_model[evaluate]'")

from dlnms_model.__main__ import main  # noqa: E402
from dlnms_model.association import associate, textures  # noqa: E402

SETTINGS = {"spacing_mm": 2.0, "pet_bin_suv": 0.5, "ct_bin_hu": 25.0}
NAMES = ["stat_mean", "cm_joint_entr_3D_comb", "ngt_busyness_3D", "ih_skew"]


def write_texture(folder, patient, pet, ct, settings=SETTINGS, lesions=1):
    """Writes a file as `dlnms texture --json` does."""
    features = lambda values: {"features": [{"name": n, "value": v} for n, v in zip(NAMES, values)]}
    lesion = {"request": settings, "pet": features(pet), "ct": features(ct), "name": "seed"}
    folder.mkdir(exist_ok=True)
    (folder / f"{patient}.json").write_text(json.dumps({"lesions": [lesion] * lesions}))


def cohort(tmp_path, n=60, seed=3):
    """Writes a cohort in which PET entropy goes with n1, CT mean against n2, and nothing else with anything."""
    random = np.random.default_rng(seed)
    n1, n2 = random.random(n), random.random(n)
    lines = ["patient,n1,n2"]
    for i in range(n):
        noise = random.normal(size=8)
        pet = [noise[0], 3 * n1[i] + 0.3 * noise[1], noise[2], None if i < 55 else noise[3]]
        write_texture(tmp_path / "textures", f"P{i:03}", pet, [-2 * n2[i] + 0.2 * noise[4], noise[5], 1.0, noise[7]])
        lines.append(f"P{i:03},{n1[i]},{n2[i]}")
    (tmp_path / "scores.csv").write_text("\n".join(lines) + "\n")
    return n1, n2


def run(tmp_path, *more):
    return main(["associate", "--scores", str(tmp_path / "scores.csv"), "--columns", "n1,n2", "--textures", str(tmp_path / "textures"),
                 "--out", str(tmp_path / "out"), "--quiet", *more])


def result(tmp_path):
    return json.loads((tmp_path / "out" / "association.json").read_text())


def test_what_was_planted_comes_first_and_the_rest_is_not_significant(tmp_path):
    from scipy import stats
    n1, _ = cohort(tmp_path)
    assert run(tmp_path, "--bootstrap", "200") == 0
    r = result(tmp_path)
    assert r["patients"] == 60 and len(r["all"]) == 2 * 2 * len(NAMES)
    first = {(g["score"], g["modality"]): g["features"][0] for g in r["largest"]}
    assert first[("n1", "pet")]["feature"] == "cm_joint_entr_3D_comb" and first[("n1", "pet")]["rho"] > 0.9
    assert first[("n2", "ct")]["feature"] == "stat_mean" and first[("n2", "ct")]["rho"] < -0.9
    for planted in (first[("n1", "pet")], first[("n2", "ct")]):
        assert planted["p_adjusted"] < 1e-9 and planted["low"] < planted["rho"] < planted["high"]
    others = [x for x in r["all"] if x["p"] is not None and abs(x["rho"]) < 0.9]
    assert len(others) == 10 and min(x["p_adjusted"] for x in others) > 0.05
    # The definition, without SciPy's function of that name.
    values = [json.loads((tmp_path / "textures" / f"P{i:03}.json").read_text())["lesions"][0]["pet"]["features"][1]["value"] for i in range(60)]
    assert first[("n1", "pet")]["rho"] == pytest.approx(np.corrcoef(stats.rankdata(values), stats.rankdata(n1))[0, 1], abs=1e-12)


def test_what_cannot_be_correlated_is_said_and_not_shown(tmp_path):
    cohort(tmp_path)
    assert run(tmp_path, "--bootstrap", "0") == 0
    r = result(tmp_path)
    refused = {(x["score"], x["modality"], x["feature"]): x["refused"] for x in r["all"] if "refused" in x}
    assert refused == {
        ("n1", "pet", "ih_skew"): "defined in 5 patients; at least 10 are needed", ("n2", "pet", "ih_skew"): "defined in 5 patients; at least 10 are needed",
        ("n1", "ct", "ngt_busyness_3D"): "the same value in every patient", ("n2", "ct", "ngt_busyness_3D"): "the same value in every patient"}
    assert all("low" not in f for g in r["largest"] for f in g["features"])
    assert "12 of 16 correlations were computed" in (tmp_path / "out" / "report.html").read_text()


def test_two_runs_write_the_same_bytes_and_another_seed_other_intervals(tmp_path):
    cohort(tmp_path)
    texts = []
    for seed in (1, 1, 2):
        assert run(tmp_path, "--bootstrap", "100", "--seed", str(seed)) == 0
        texts.append((tmp_path / "out" / "association.json").read_bytes())
    assert texts[0] == texts[1] != texts[2]


def test_features_that_depend_on_the_outline_are_left_out(tmp_path):
    cohort(tmp_path)
    random = np.random.default_rng(5)
    for i in range(0, 60, 2):
        lesion = json.loads((tmp_path / "textures" / f"P{i:03}.json").read_text())["lesions"][0]
        pet, ct = ([f["value"] for f in lesion[m]["features"]] for m in textures.MODALITIES)
        pet[0] = random.normal()  # does not agree; the others agree exactly
        write_texture(tmp_path / "second", f"P{i:03}", pet, ct)
    assert run(tmp_path, "--second-textures", str(tmp_path / "second"), "--minimum-icc", "0.75", "--bootstrap", "0") == 0
    by_name = {(x["score"], x["modality"], x["feature"]): x for x in result(tmp_path)["all"]}
    assert by_name[("n1", "pet", "cm_joint_entr_3D_comb")]["icc"] == pytest.approx(1)
    assert by_name[("n1", "pet", "stat_mean")]["icc"] < 0.5
    assert by_name[("n1", "pet", "stat_mean")]["left_out"] == "the intraclass correlation is below 0.75"
    shown = {f["feature"] for g in result(tmp_path)["largest"] if g["modality"] == "pet" for f in g["features"]}
    assert shown == {"cm_joint_entr_3D_comb", "ngt_busyness_3D"}


def test_the_intraclass_correlation_is_that_of_shrout_and_fleiss():
    # Shrout and Fleiss 1979, table 2: six targets, four judges; here by the formula for two of them, worked out by hand.
    first, second = np.array([9.0, 6, 8, 7, 10, 6]), np.array([2.0, 1, 4, 1, 5, 2])
    rows, n = np.column_stack([first, second]), 6
    total = ((rows - rows.mean()) ** 2).sum()
    between = 2 * ((rows.mean(1) - rows.mean()) ** 2).sum()
    raters = n * ((rows.mean(0) - rows.mean()) ** 2).sum()
    error = (total - between - raters) / (n - 1)
    expected = (between / (n - 1) - error) / (between / (n - 1) + error + 2 * (raters - error) / n)
    assert associate.agreement(first, second) == pytest.approx(expected, abs=1e-12)
    assert associate.agreement(first, first) == pytest.approx(1)
    assert associate.agreement(np.ones(5), np.ones(5)) is None


@pytest.mark.parametrize("spoil, words", [
    (lambda t: write_texture(t / "textures", "P007", [1] * 4, [1] * 4, {**SETTINGS, "ct_bin_hu": 50.0}), "P007.json: measured with other settings than P000.json"),
    (lambda t: write_texture(t / "textures", "P007", [1] * 4, [1] * 4, lesions=2), "P007.json: 2 lesions"),
    (lambda t: (t / "textures" / "P007.json").unlink(), "textures: holds no file PATIENT.json of the patient at place 8"),
    (lambda t: (t / "textures" / "P007.json").write_text("{}"), "P007.json: not a file of `dlnms texture --json`"),
    (lambda t: (t / "textures" / "P007.json").write_text("not json"), "P007.json: not a file of `dlnms texture --json`"),
    (lambda t: (t / "scores.csv").write_text("patient,n1,n2\n../P001,0.1,0.2\nP002,0.3,0.4\n"), "textures: holds no file PATIENT.json of the patient at place 1"),
    (lambda t: (t / "scores.csv").write_text("patient,n1,n2\nP001,0.1,0.2\nP002,0.3,0.4\n"), "scores.csv: 2 patients; at least 10 are needed"),
    (lambda t: (t / "scores.csv").write_text("patient,n1,n2\nP001,0.1,\nP002,0.3,0.4\n"), "scores.csv, row 2, column n2: no value"),
    (lambda t: (t / "scores.csv").write_text("patient,n1,n2\nP001,0.1,1\nP002,0.3,1\n"), "column n2: every row holds the same value"),
    (lambda t: shutil.rmtree(t / "textures"), "textures: is not a folder"),
])
def test_what_is_wrong_is_refused_by_name_and_nothing_is_written(tmp_path, capsys, spoil, words):
    cohort(tmp_path)
    spoil(tmp_path)
    assert run(tmp_path) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def write_expression(tmp_path, seed=4, n=24, genes=200):
    """Writes a table of genes in which the set PLANTED is higher in patients of high risk, and sets of other genes."""
    random = np.random.default_rng(seed)
    score = np.linspace(0, 1, n)
    random.shuffle(score)
    values = random.normal(8, 1, (genes, n))
    values[:20] += 1.5 * (score >= 0.5)
    patients = [f"P{i:03}" for i in range(n)]
    lines = ["gene," + ",".join(patients)] + [f"G{g}," + ",".join(f"{v:.6f}" for v in values[g]) for g in range(genes)]
    (tmp_path / "expression.csv").write_text("\n".join(lines) + "\n")
    sets = {"PLANTED": range(20), "OTHER_A": range(40, 60), "OTHER_B": range(80, 105), "SMALL": range(150, 155)}
    (tmp_path / "sets.gmt").write_text("".join(f"{n}\tmade\t" + "\t".join(f"G{g}" for g in s) + "\n" for n, s in sets.items()))
    (tmp_path / "scores.csv").write_text("patient,n2\n" + "".join(f"{p},{s}\n" for p, s in zip(patients, score)))
    return score


def genes(tmp_path, *more):
    return main(["gene-sets", "--scores", str(tmp_path / "scores.csv"), "--column", "n2=0.5", "--expression", str(tmp_path / "expression.csv"),
                 "--gene-sets", str(tmp_path / "sets.gmt"), "--permutations", "200", "--out", str(tmp_path / "genes"), "--quiet", *more])


def test_a_planted_gene_set_is_the_one_that_is_enriched(tmp_path):
    pytest.importorskip("gseapy", reason="needs the extra `biology`: pip install 'dlnms_model[biology]'")
    score = write_expression(tmp_path)
    assert genes(tmp_path) == 0
    r = json.loads((tmp_path / "genes" / "gene_sets.json").read_text())
    assert (r["high"], r["low"], r["genes"]) == (12, 12, 200)
    assert r["gsea"][0]["gene_set"] == "PLANTED" and r["gsea"][0]["normalised"] > 1.5 and r["gsea"][0]["p"] < 0.01
    assert {x["gene_set"] for x in r["gsea"]} == {"PLANTED", "OTHER_A", "OTHER_B"}
    assert all(x["false_discovery_rate"] > 0.05 for x in r["gsea"][1:])
    assert r["left_out"] == {"SMALL": "5 genes in the table, fewer than 15"}
    # Each patient's own score is higher in the group where the genes are.
    single = r["ssgsea"]["PLANTED"]
    high = np.array([single[f"P{i:03}"] for i in range(24)])[score >= 0.5]
    low = np.array([single[f"P{i:03}"] for i in range(24)])[score < 0.5]
    assert high.min() > low.max()


@pytest.mark.parametrize("spoil, words", [
    (lambda t: (t / "sets.gmt").write_text("A\tmade\tG1\nA\tmade\tG2\n"), "sets.gmt, row 2: the gene set 'A' is there twice"),
    (lambda t: (t / "sets.gmt").write_text("A\n"), "sets.gmt, row 1: a gene set is a name, a description and genes"),
    (lambda t: (t / "sets.gmt").write_text("A\tmade\t" + "\t".join(f"X{i}" for i in range(30)) + "\n"), "sets.gmt: no gene set has 15 genes in the expression table"),
    (lambda t: (t / "scores.csv").write_text("patient,n2\n" + "".join(f"P{i:03},{i >= 20}\n" for i in range(24)).replace("True", "1").replace("False", "0")),
     "4 patients of high and 20 of low risk; at least 7 of each are needed"),
    (lambda t: (t / "scores.csv").write_text("patient,n2\n" + "".join(f"Q{i},{i % 2}\n" for i in range(24))), "expression.csv: 24 of 24 patients of the scores have no column"),
    (lambda t: (t / "expression.csv").write_text((t / "expression.csv").read_text().replace("\nG7,", "\nG6,")), "expression.csv, row 9, column gene: the same gene as in an earlier row"),
])
def test_gene_tables_that_do_not_fit_are_refused_by_name(tmp_path, capsys, spoil, words):
    pytest.importorskip("gseapy", reason="needs the extra `biology`: pip install 'dlnms_model[biology]'")
    write_expression(tmp_path)
    spoil(tmp_path)
    assert genes(tmp_path) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "genes").exists()
