"""The phantom cohort: what is said to be known is true, and the images come back through the library."""

import filecmp
import json
import os

import numpy as np
import pytest

from conftest import PROGRAM

REQUIRED = "DLNMS_REQUIRE_ALL" in os.environ
if not REQUIRED:
    for module in ("scipy", "sklearn", "statsmodels", "joblib", "pydicom"):
        pytest.importorskip(module, reason=f"SKIPPED LOUDLY: {module} is not installed: pip install 'dlnms_model[cohort]'")

from sklearn.metrics import roc_auc_score  # noqa: E402
from statsmodels.duration.hazard_regression import PHReg  # noqa: E402
from statsmodels.genmod.families import Binomial  # noqa: E402
from statsmodels.genmod.generalized_linear_model import GLM  # noqa: E402

from dlnms_model import __main__, bundle  # noqa: E402
from dlnms_model.cohort import file, library, prepared  # noqa: E402
from dlnms_model.phantom import cohort, images, lesion, risk  # noqa: E402

needs_program = pytest.mark.skipif(not PROGRAM and not REQUIRED, reason="SKIPPED LOUDLY: no program dlnms (make dist)")
MANY = 200_000


@pytest.fixture(scope="module")
def many():
    return risk.draw(np.random.default_rng(11), MANY)


def run(*arguments):
    return __main__.main(["phantom-cohort", *map(str, arguments), "--quiet"])


@pytest.mark.parametrize("label", risk.LABELS)
def test_the_best_auroc_is_that_of_many_patients(many, label):
    found = {m: roc_auc_score(many[label], many[f"{label}_{m}"]) for m in risk.SEEN}
    for modality, value in found.items():
        assert abs(risk.best_auroc(label, modality) - value) < 0.004, (modality, value)
    # The paper's order, because each modality carries what the other does not.
    assert found["pet-ct"] > 0.9 > found["ct"] > found["pet"] > 0.7
    # No score of the images beats it: not even the log odds with age and sex by much, and a wrong weight loses.
    wrong = sum(many["hidden"].values())
    assert roc_auc_score(many[label], wrong) < found["pet-ct"]


def test_labels_go_together_and_are_not_the_same(many):
    n1, n2 = many["n1"], many["n2"]
    assert 0.18 < n1.mean() < 0.32 and 0.12 < n2.mean() < n1.mean()
    assert n1[n2].mean() > 1.5 * n1.mean() and (n1 != n2).mean() > 0.05


def test_odds_ratios_and_hazard_ratio_are_found_again(many):
    images_alone = many["n1_logit"] - risk.clinical(many["age"], many["male"])
    design = np.column_stack([np.ones(MANY), many["age"] / 10, many["male"]])
    fit = GLM(many["n1"].astype(float), design, family=Binomial(), offset=images_alone).fit()
    for name, position in (("age", 1), ("male", 2)):
        assert abs(fit.params[position] - np.log(risk.ODDS_RATIO[name])) < 3.5 * fit.bse[position]
    follow_up = cohort.survival(np.random.default_rng(12), many)
    kept = slice(0, 4000)
    cox = PHReg(np.maximum(follow_up["os_days"], 1e-3)[kept], follow_up["high"][kept, None].astype(float), status=follow_up["os_event"][kept].astype(float)).fit()
    assert abs(cox.params[0] - np.log(cohort.HAZARD_RATIO)) < 3.5 * cox.bse[0]
    assert (follow_up["rfs_days"] <= follow_up["os_days"]).all() and follow_up["rfs_event"][follow_up["os_event"]].all()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("phantom") / "cohort"
    assert run("--n", 5, "--external", 2, "--seed", 3, "--dicom", 2, "--out", out) == 0
    return out


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_workers(made, tmp_path):
    assert run("--n", 5, "--external", 2, "--seed", 3, "--dicom", 2, "--workers", 2, "--out", tmp_path / "again") == 0
    names = sorted(str(p.relative_to(made)) for p in made.rglob("*") if p.is_file())
    same, differ, lost = filecmp.cmpfiles(made, tmp_path / "again", names, shallow=False)
    assert same == names and not differ and not lost and len(names) > 100
    assert run("--n", 5, "--external", 2, "--seed", 4, "--out", tmp_path / "again") == 0
    assert (made / "cohort.csv").read_text() != (tmp_path / "again/cohort.csv").read_text()


def test_the_cohort_file_is_in_order_and_says_that_it_is_made(made):
    read = file.read(made / "cohort.csv")
    assert len(read.cases) == 7 and set(read.table.columns["split"]) == {"training", "external"} and set(read.table.columns["x_phantom"]) == {"1"}
    known = json.loads((made / "truth.json").read_text())
    assert known["patients"] == 7 and known["best_auroc"]["n1"]["pet-ct"] == risk.best_auroc("n1", "pet-ct") and len(known["hidden"]["solid"]) == 7


@needs_program
def test_dicom_and_nifti_give_the_same_planes(made, tiny, tmp_path):
    """The first two patients are DICOM; the same patients as NIfTI differ by the rounding of stored PET values alone."""
    assert run("--n", 5, "--external", 2, "--seed", 3, "--out", tmp_path / "nifti") == 0
    planes = {}
    for name, folder in (("dicom", made), ("nifti", tmp_path / "nifti")):
        assert __main__.main(["cohort", "prepare", str(folder / "cohort.csv"), "--bundle", str(tiny), "--dlnms", PROGRAM, "--out", str(tmp_path / name / "p"), "--quiet"]) == 0
        found = prepared.read(tmp_path / name / "p", file.read(folder / "cohort.csv"))
        assert not any(f["code"] for r in found.records for f in r["findings"]), found.records[0]["findings"]
        planes[name] = [found.planes(i) for i in range(7)]
        assert found.records[0]["identity"]["source"] == ("dicom" if name == "dicom" else "volumes")
    for i, (a, b) in enumerate(zip(planes["dicom"], planes["nifti"])):
        assert np.abs(a[1] - b[1]).max() < 1e-5, i
        assert np.abs(a[0] - b[0]).max() < (2e-3 if i < 2 else 1e-9), i


@needs_program
def test_planes_through_the_library_are_the_formula(tiny, tmp_path):
    """Without noise, the planes that the library makes from the two grids are what the formulas say at the samples, but for the edges that a
    grid of 2 mm and of 4 mm cannot follow."""
    hidden = {"solid": 0.8, "spiculation": 0.5, "uptake": 0.6, "necrosis": 1.0, "size": 0.4}
    seed, case = 5, 0
    ct, pet = cohort.volumes(seed, case, hidden, noise=False)
    (tmp_path / "ct.nii").write_bytes(images.nifti(ct))
    (tmp_path / "pet.nii").write_bytes(images.nifti(pet))
    centre = cohort.place(seed, case)[0]
    path = tmp_path / "cohort.csv"
    path.write_text(f'patient,study,tumour,n1,n2\nP,ct:ct.nii;pet:pet.nii,"point:{",".join(map(str, centre))}",0,0\n')
    assert __main__.main(["cohort", "prepare", str(path), "--bundle", str(tiny), "--dlnms", PROGRAM, "--out", str(tmp_path / "p"), "--quiet"]) == 0
    planes = prepared.read(tmp_path / "p", file.read(path)).planes(0)
    p = library.bundle(tiny).preprocessing
    shown = lesion.of_patient(hidden, cohort.generator(seed, 3, case))
    steps = np.linspace(0, p["samples"] - 1, p["output"]) - p["center_index"]
    rows, columns = np.meshgrid(steps, steps, indexing="ij")
    zero = np.zeros_like(rows)
    # x to the left, y to the back, z to the head
    points = [(columns, rows, zero), (columns, zero, rows), (zero, columns, rows)]
    for channel, at in enumerate(points):
        hu, suv = planes[1, channel] * p["ct"]["std"] + p["ct"]["mean"], planes[0, channel] * p["pet"]["std"] + p["pet"]["mean"]
        inside = np.maximum(abs(rows), abs(columns)) < 60
        for name, found, wanted, most in (("ct", hu, shown.hu(*at), 12), ("pet", suv, shown.suv(*at), 0.25)):
            off = np.abs(found - wanted)[inside]
            assert np.quantile(off, 0.9) < most, (name, channel, np.quantile(off, [0.5, 0.9, 0.99]))
            assert np.corrcoef(found[inside], wanted[inside])[0, 1] > 0.98, (name, channel)


@pytest.mark.parametrize("options, word", [
    (["--n", 0], "--n"), (["--n", 2, "--dicom", 3], "--dicom"), (["--n", 2, "--seed", -1], "--seed"), (["--n", 2, "--workers", 0], "--workers"),
])
def test_numbers_that_make_no_cohort_are_refused(options, word, tmp_path, capsys):
    assert run(*options, "--out", tmp_path / "out") == 1
    assert word in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_another_folder_is_not_replaced_and_a_broken_run_leaves_no_cohort_file(tmp_path, capsys, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("x")
    assert run("--n", 2, "--out", other) == 1 and "is not replaced" in capsys.readouterr().err and (other / "mine").read_text() == "x"
    real = cohort.write_file
    monkeypatch.setattr(cohort, "write_file", lambda path, content: (_ for _ in ()).throw(OSError(28, "No space left on device")) if path.name.endswith("2_pet.nii") else real(path, content))
    assert run("--n", 3, "--out", tmp_path / "full") == 1
    assert "No space left" in capsys.readouterr().err and not (tmp_path / "full/cohort.csv").exists()
    monkeypatch.undo()
    assert run("--n", 3, "--out", tmp_path / "full") == 0


def test_the_seeded_preprocessing_fits_the_field_of_view():
    p = bundle.AUTHORS_PREPROCESSING
    assert images.HALF_FIELD - cohort.CENTRE_ERROR - 2 > p["spacing_mm"] * p["center_index"]
