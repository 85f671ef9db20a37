"""Makes a cohort of patients with known truth: images, the cohort file, and what is known, in truth.json."""

import pathlib

import joblib
import numpy as np

from ..output import as_json, csv_text, refuse_other_folder, write_file
from ..table import TableError
from . import dicom, images, lesion, risk

TRUTH = "truth.json"  # written last
HAZARD_RATIO = 3.0  # of patients whose risk of N1 or N2 is above HIGH
HIGH = 0.5
DEATHS_PER_DAY, RECURRENCES_PER_DAY, FOLLOW_UP = 1 / 4000, 1 / 5000, (500, 3000)
CENTRE_ERROR = 2.0  # mm, along each axis, of where the cohort file says that the tumour is
COLUMNS = ("patient", "study", "tumour", "n1", "n2", "split", "site", "age", "sex", "type", "size", "suvmax", "os_days", "os_event", "rfs_days", "rfs_event", "x_phantom")


def generator(seed, *what):
    """Returns a generator of random numbers for one purpose, so that no number depends on the order in which patients are made."""
    return np.random.default_rng([seed, *what])


def survival(rng, patients):
    """Draws follow-up: exponential times whose hazard is HAZARD_RATIO times as high at a high risk, and censoring."""
    n = len(patients["age"])
    high = np.maximum(patients["n1_logit"], patients["n2_logit"]) > np.log(HIGH / (1 - HIGH))
    hazard = np.where(high, HAZARD_RATIO, 1.0)
    death = rng.exponential(1 / (DEATHS_PER_DAY * hazard))
    recurrence = rng.exponential(1 / (RECURRENCES_PER_DAY * hazard))
    end = rng.uniform(*FOLLOW_UP, n)
    os_days, os_event = np.minimum(death, end), death <= end
    return {
        "high": high, "os_days": os_days, "os_event": os_event,
        "rfs_days": np.minimum(os_days, recurrence), "rfs_event": os_event | (recurrence <= os_days),
    }


def splits(training, external):
    """Returns split and site of each patient: two sites train, a third one is external."""
    return ["training"] * training + ["external"] * external, [f"site {'AB'[i % 2]}" for i in range(training)] + ["site C"] * external


def place(seed, case):
    """Returns the tumour's centre, and where the cohort file says that it is, LPS millimetres."""
    rng = generator(seed, 2, case)
    centre = rng.uniform((-90, -40, -120), (90, 60, 120))
    return centre, np.round(centre + rng.uniform(-CENTRE_ERROR, CENTRE_ERROR, 3), 2)


def volumes(seed, case, hidden, noise=True):
    """Returns CT and PET of a patient."""
    rng = generator(seed, 3, case)
    return images.of_lesion(lesion.of_patient(hidden, rng), place(seed, case)[0], rng, noise)


def study(seed, case, hidden, folder, as_dicom):
    """Writes the images of a patient and returns the cell of the cohort file that names them."""
    ct, pet = volumes(seed, case, hidden)
    name = f"images/{case + 1:05d}"
    if as_dicom:
        dicom.write(folder / name, ct, pet, seed, case)
        return f"{name}/ct;{name}/pet"
    write_file(folder / f"{name}_ct.nii", images.nifti(ct))
    write_file(folder / f"{name}_pet.nii", images.nifti(pet))
    return f"ct:{name}_ct.nii;pet:{name}_pet.nii"


def table(seed, patients, cells, follow_up, split, site):
    """Returns the columns of the cohort file. x_phantom marks made patients; x_best_... are the best scores that are possible."""
    rng, hidden = generator(seed, 4), patients["hidden"]
    n = len(cells)
    blurred = lambda name, noise: hidden[name] + noise * rng.standard_normal(n)
    size = np.clip(2 * np.exp(2.4 + 0.25 * blurred("size", 0.3)) / 10, 0.5, 15)
    suvmax = np.clip(np.exp(1.5 + 0.55 * blurred("uptake", 0.3)), 0.5, 100)
    solid = blurred("solid", 0.5) > 0
    days = lambda name: np.maximum(np.rint(follow_up[name]), 1).astype(int)
    best = {f"x_best_{label}_{m.replace('-', '')}": patients[f"{label}_{m}"] for label in risk.LABELS for m in risk.SEEN}
    rows = []
    for i in range(n):
        x, y, z = place(seed, i)[1]
        rows.append([
            f"P{i + 1:05d}", cells[i], f"point:{x},{y},{z}", int(patients["n1"][i]), int(patients["n2"][i]), split[i], site[i],
            patients["age"][i], "male" if patients["male"][i] else "female", "solid" if solid[i] else "subsolid", round(size[i], 1), round(suvmax[i], 2),
            days("os_days")[i], int(follow_up["os_event"][i]), days("rfs_days")[i], int(follow_up["rfs_event"][i]), 1, *(round(float(b[i]), 6) for b in best.values()),
        ])
    return [*COLUMNS, *best], rows


def truth(seed, patients, follow_up, split):
    """Returns what is known of the cohort, for truth.json."""
    auroc = {label: {m: risk.best_auroc(label, m) for m in risk.SEEN} for label in risk.LABELS}
    return {
        "seed": seed, "patients": len(split), "splits": {name: split.count(name) for name in dict.fromkeys(split)},
        "positive": {label: int(patients[label].sum()) for label in risk.LABELS},
        "best_auroc": auroc,
        "best_auroc_method": "AUROC of the best score that a reader of a modality can give, in the whole population, by numerical integration; the columns x_best_... "
                             "are that score for each patient",
        "odds_ratios": {"age, ten years": risk.ODDS_RATIO["age"], "male": risk.ODDS_RATIO["male"]},
        "hazard_ratio": HAZARD_RATIO, "high_risk": {"above": HIGH, "n": int(follow_up["high"].sum())},
        "log_odds": {label: {"intercept": t.intercept, **t.weights} for label, t in risk.LABELS.items()},
        "hidden": {name: np.round(patients["hidden"][name], 6).tolist() for name in risk.HIDDEN},
    }


def make(out, training, external, seed, as_dicom=0, workers=1, say=lambda text: None):
    """Makes a cohort in folder `out`. The same numbers give the same bytes."""
    n = training + external
    if training < 1 or external < 0 or as_dicom < 0 or as_dicom > n or seed < 0 or workers < 1:
        raise TableError("--n and --workers must be at least 1, --external, --dicom and --seed at least 0, and --dicom at most the number of patients")
    out = pathlib.Path(out).absolute()
    refuse_other_folder(out, TRUTH, "a phantom cohort")
    out.mkdir(parents=True, exist_ok=True)
    for name in (TRUTH, "cohort.csv"):
        (out / name).unlink(missing_ok=True)
    write_file(out / TRUTH, b"{}\n")  # marks the folder, so that a run that was stopped can be given again
    patients = risk.draw(generator(seed, 1), n)
    hidden = [{name: values[i] for name, values in patients["hidden"].items()} for i in range(n)]
    split, site = splits(training, external)
    jobs = (joblib.delayed(study)(seed, i, hidden[i], out, i < as_dicom) for i in range(n))
    cells = []
    for cell in joblib.Parallel(n_jobs=workers, return_as="generator", batch_size=1)(jobs):
        cells.append(cell)
        if len(cells) % 100 == 0:
            say(f"{len(cells)} of {n} patients")
    follow_up = survival(generator(seed, 5), patients)
    write_file(out / "cohort.csv", csv_text(*table(seed, patients, cells, follow_up, split, site)).encode())
    known = truth(seed, patients, follow_up, split)
    write_file(out / TRUTH, as_json(known).encode())
    return known
