"""The command `cohort score`: the scores of a bundle for every study, through the library, as a CSV file."""

import joblib

from ..output import csv_text, write_file
from ..table import MODEL, MODEL_SHA256, PATIENT, TableError
from .library import LibraryError, Refused
from .prepare import Progress

MEASURED = {"suvmax": "suv_max", "mtv": "mtv_ml", "tlg": "tlg"}  # our column -> the name in the library's JSON


def one(case, folder, library, bundle, quality, timeout):
    """Scores one study and returns the library's JSON, or why it was refused."""
    try:
        for name, given in (("study", case.paths), ("tumour", case.tumour)):
            if not given:
                raise Refused(f"row {case.row}, column {name}: no value")
        result = library.score(case, folder, bundle, quality, timeout)
    except Refused as why:
        return {"row": case.row, "status": "refused", "message": str(why)}
    if result["model"]["manifest_sha256"] != bundle.manifest_sha256:
        raise LibraryError("the bundle changed while it was in use")
    return {"row": case.row, "status": "prepared", "result": result}


def command(cohort, bundle, library, quality, workers, timeout, out, say):
    """Scores all studies, writes the file, and returns how many studies were refused."""
    progress, results = Progress(say, len(cohort.cases), workers), {}
    jobs = (joblib.delayed(one)(c, cohort.folder, library, bundle, quality, timeout) for c in cohort.cases)
    for record in joblib.Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)(jobs):
        results[record["row"]] = record
        progress.add(record)
    scored = [(c, results[c.row]["result"]) for c in cohort.cases if results[c.row]["status"] == "prepared"]
    for c in cohort.cases:
        if results[c.row]["status"] != "prepared":
            say(f"row {c.row}: {results[c.row]['message']}")
    if not scored:
        raise TableError("every study was refused, so there are no scores")
    heads = list(scored[0][1]["heads"])
    rows = []
    for c, r in scored:
        pet = r.get("pet_metrics") or {}
        rows.append([c.patient, *(repr(r["heads"][h]) for h in heads), *(pet.get(name) for name in MEASURED.values()), f"{bundle.id} {bundle.version}", bundle.manifest_sha256])
    header = [PATIENT, *(f"score_{h}" for h in heads), *(f"measured_{m}" for m in MEASURED), MODEL, MODEL_SHA256]
    write_file(out, csv_text(header, rows).encode())
    say(f"wrote {out}: {len(scored)} of {len(cohort.cases)} studies")
    return len(cohort.cases) - len(scored)
