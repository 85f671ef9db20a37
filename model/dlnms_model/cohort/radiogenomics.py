"""The recipe for the public collection NSCLC Radiogenomics (Bakr et al. 2018, doi 10.7937/K9/TCIA.2017.7hs46erv, CC BY 3.0).

Its clinical table becomes a cohort file, its series list a list for idc-index. What the table cannot say stays empty and is counted.
"""

import datetime
import re
from collections import Counter

from .. import table
from ..output import as_json, csv_text, write_folder
from ..table import TableError
from . import flow_chart

PATIENT = ("Patient ID", "Case ID")  # two names of the first column
NEEDED = ("Patient affiliation", "Age at Histological Diagnosis", "Gender", "Smoking status", "%GG", "Histology", "Pathological T stage", "Pathological N stage",
          "Pathological M stage", "Recurrence", "Date of Recurrence", "Date of Last Known Alive", "Survival Status", "Date of Death", "Time to Death (days)", "CT Date",
          "Days between CT and surgery", "PET Date")
SERIES = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "StudyDate", "SeriesDescription", "instanceCount", "analysis_result_id", "license_short_name", "MB")
LOCATION = "Tumor Location (choice="
COLUMNS = ("patient", "study", "tumour", "n1", "n2", "site", "age", "sex", "smoking", "type", "side", "histology", "os_days", "os_event", "rfs_days", "rfs_event", "ct_date",
           "pet_date", "surgery_date", "ct_series", "pet_series", "x_pathological_t", "x_pathological_n", "x_pathological_m", "x_excluded")
UNCORRECTED = re.compile(r"\bNAC\b|_NAC\b|NO_?AC|Uncorrected", re.I)
CORRECTED = re.compile(r"AC\b", re.I)
REFORMATTED = re.compile(r"\b(COR|SAG|MIP)\b|(?i:\bspo +(cor|sag)\b|coronal|sagittal|scout|topogram)")
# Why the images of a patient cannot be used, in the order of the flow chart.
NO_PET, MANY_PETS, NO_CT = "no axial PET that may be corrected for attenuation", "several PET series, and nothing tells which", "no axial CT in the PET's study"
FEWEST_SLICES = 20
NOT_GIVEN = (
    "clinical N stage: that the nodes were negative in the clinic (cN0) is not in the table, so a positive label is nodal metastasis, not occult nodal metastasis",
    "n1 of patients with pathological N2: N2 does not say whether N1 nodes held a metastasis too; the cell is empty",
    "tumour: the position has to be given after the download, see README.txt",
    "size, central, suvmax, mtv, tlg: not in the table; `cohort score` measures the last three",
)
README = """NSCLC Radiogenomics, {n} patients in cohort.csv, {eligible} of them in eligible.csv (without those whose x_excluded is filled).

1. pip install idc-index, and download the {series} series of series.txt ({gb:.1f} GB; licences: {licences}):

     from idc_index import IDCClient
     series = open("series.txt").read().split()
     IDCClient().download_from_selection(seriesInstanceUID=series, downloadDir={images!r})

   idc-index makes the folders that the column `study` names: COLLECTION/PATIENT/STUDY/MODALITY_SERIES.

2. Fill the column `tumour`. Where the folder of a row ends in SEG_..., it holds an automatic segmentation of lung and FDG-avid tumour (BAMF AIMI
   annotations, CC BY 4.0). `dlnms inspect FOLDERS` lists its segments by number and centroid: look at them, and write segment:N or
   point:X,Y,Z. An FDG-avid node beside the tumour is a reason to leave the patient out, because cN0 is not in the table. The
   segmentations of the collection itself lie on the diagnostic CT, which is another study than the PET.

3. python -m dlnms_model cohort check eligible.csv
   python -m dlnms_model cohort prepare eligible.csv --bundle BUNDLE --out prepared
   python -m dlnms_model cohort show eligible.csv --prepared prepared --by site --out page

What the table cannot give:
{not_given}
Notes:
{notes}
"""


def day(cell):
    """Returns a date of the table, or None where it has none."""
    if not re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4}", cell):
        return None
    return datetime.datetime.strptime(cell, "%m/%d/%Y").date()


def read(path, needed):
    """Reads a CSV file of the collection as rows. Refuses one without the columns that are needed."""
    data = table.read(path)
    names = {c.strip(): c for c in data.columns}
    lacking = [c for c in needed if c not in names]
    if lacking:
        raise TableError(f"{data.name}: there is no column {lacking[0]!r}; is this the right file?")
    rows = [{n: data.columns[c][i].strip() for n, c in names.items()} for i in range(len(data.rows))]
    return data, rows


def survival(x, surgery):
    """Returns os_days, os_event, rfs_days, rfs_event, counted from surgery, and what contradicts itself."""
    dead, recurred = x["Survival Status"] == "Dead", x["Recurrence"].lower() == "yes"
    last = day(x["Date of Death"]) if dead else day(x["Date of Last Known Alive"])
    if surgery is None or last is None or last < surgery:
        return ["", "", "", ""], "follow-up ends before surgery, or a date is missing"
    days = (last - surgery).days
    if dead and x["Time to Death (days)"] != str(days):
        return ["", "", "", ""], "the date of death and Time to Death contradict each other (counted from surgery)"
    overall = [str(days), str(int(dead))]
    if not recurred:
        return ([*overall, *overall], None) if x["Recurrence"].lower() == "no" else ([*overall, "", ""], "whether it recurred is not collected")
    again = day(x["Date of Recurrence"])
    if again is None or not surgery <= again <= last:
        return [*overall, "", ""], "recurrence lies outside the follow-up"
    return [*overall, str((again - surgery).days), "1"], None


def clinical(x):
    """Returns the clinical cells of a patient, and what contradicts itself."""
    n, notes = x["Pathological N stage"], []
    ct, pet = day(x["CT Date"]), day(x["PET Date"])
    wait = x["Days between CT and surgery"]
    surgery = ct + datetime.timedelta(int(wait)) if ct and wait.isdigit() else None
    follow_up, why = survival(x, surgery)
    notes += [why] if why else []
    sides = {"left" if k[len(LOCATION):].startswith("L") else "right" for k, v in x.items()
             if k.startswith(LOCATION) and v == "Checked" and k[len(LOCATION)] in "LR"}
    if len(sides) != 1:
        notes.append("the side is not known, or both are")
    iso = lambda d: d.isoformat() if d else ""
    cells = {
        "n1": {"N0": "0", "N1": "1"}.get(n, ""), "n2": str(int(n == "N2")), "site": x["Patient affiliation"], "age": x["Age at Histological Diagnosis"],
        "sex": x["Gender"].lower(), "smoking": {"Nonsmoker": "never", "Former": "ever", "Current": "ever"}.get(x["Smoking status"], ""),
        "type": {"0%": "solid", "Not Assessed": ""}.get(x["%GG"], "subsolid" if "%" in x["%GG"] else ""), "side": sides.pop() if len(sides) == 1 else "",
        "histology": x["Histology"], **dict(zip(("os_days", "os_event", "rfs_days", "rfs_event"), follow_up)),
        "ct_date": iso(ct), "pet_date": iso(pet), "surgery_date": iso(surgery),
        "x_pathological_t": x["Pathological T stage"], "x_pathological_n": n, "x_pathological_m": x["Pathological M stage"],
    }
    return cells, notes


def choose(series):
    """Returns PET, CT and segmentation of one patient from the list of series (None or a list where there is no single one), and notes."""
    notes = []
    axial = [s for s in series if s["Modality"] == "PT" and not UNCORRECTED.search(s["SeriesDescription"]) and not REFORMATTED.search(s["SeriesDescription"])]
    named = [s for s in axial if CORRECTED.search(s["SeriesDescription"])]
    pets = named or axial
    if pets and not named:
        notes.append("the PET's name does not say that it is corrected for attenuation; the library refuses one that is not")
    studies = {s["StudyInstanceUID"] for s in pets}
    if len(studies) != 1:
        return pets, [], None, notes
    here = [s for s in series if s["StudyInstanceUID"] in studies]
    cts = [s for s in here if s["Modality"] == "CT" and int(s["instanceCount"]) >= FEWEST_SLICES and not REFORMATTED.search(s["SeriesDescription"])]
    masks = [s for s in here if s["Modality"] == "SEG" and "FDG tumor" in s["SeriesDescription"]]
    rank = lambda s: ["radiologist" in s["SeriesDescription"], "corrected" not in s["SeriesDescription"]]
    return pets, cts, max(masks, key=rank) if masks else None, notes


def images(series, folder):
    """Returns the cells that name the images of a patient, the series to download, why the patient is excluded, and notes."""
    pets, cts, mask, notes = choose(series)
    why = None
    if not pets:
        why = NO_PET
    elif len(pets) > 1:
        why = MANY_PETS
    elif not cts:
        why = NO_CT
    if len(cts) > 1:
        notes.append("several CT series in the PET's study: the library chooses, by frame of reference, geometry and size")
    used = [*pets, *cts, *([mask] if mask else [])] if not why else []
    path = lambda s: f"{folder}/nsclc_radiogenomics/{s['PatientID']}/{s['StudyInstanceUID']}/{s['Modality']}_{s['SeriesInstanceUID']}"
    cells = {"study": ";".join(path(s) for s in used), "pet_series": pets[0]["SeriesInstanceUID"] if used else "",
             "ct_series": cts[0]["SeriesInstanceUID"] if used and len(cts) == 1 else ""}
    if used and not mask:
        notes.append("no automatic segmentation in the PET's study: the tumour's position has to be drawn")
    return cells, used, why, notes


def interval(cells, a, b):
    """Returns the days between two dates of a patient, None if one is missing."""
    first, second = (datetime.date.fromisoformat(cells[c]) if cells[c] else None for c in (a, b))
    return (second - first).days if first and second else None


def exclusions(cells, why_images, a):
    """Returns every reason to leave a patient out, in the order of the flow chart."""
    out = []
    if cells["x_pathological_m"] != "M0" and not a.keep_m1:
        out.append("distant metastasis (M1)")
    if why_images:
        out.append(why_images)
    apart, wait = interval(cells, "ct_date", "pet_date"), interval(cells, "ct_date", "surgery_date")
    if a.max_pet_ct_days is not None and (apart is None or abs(apart) > a.max_pet_ct_days):
        out.append(f"PET and diagnostic CT more than {a.max_pet_ct_days} days apart")
    if a.max_surgery_days is not None and (wait is None or wait > a.max_surgery_days):
        out.append(f"surgery more than {a.max_surgery_days} days after the diagnostic CT")
    return out


def cohort(rows, series, a):
    """Returns the patients whose pathological N stage is known as cells, the series to download, and notes with their counts."""
    by_patient = {}
    for s in series:
        by_patient.setdefault(s["PatientID"], []).append(s)
    patients, used, notes = [], [], Counter()
    for x in rows:
        if x["Pathological N stage"] not in ("N0", "N1", "N2"):
            continue
        identity = next(x[n] for n in PATIENT if n in x)
        cells, more = clinical(x)
        found, mine, why, also = images(by_patient.get(identity, []), a.images.rstrip("/"))
        notes.update(more + also)
        dates = {s["StudyDate"] for s in mine if s["Modality"] == "PT"}
        if dates and dates != {cells["pet_date"]}:
            notes.update(["the PET date of the table is not that of the series (dates are shifted for privacy); the table's is used"])
        cells.update(found, patient=identity, tumour="")
        out = exclusions(cells, why, a)
        cells["x_excluded"] = "; ".join(out)
        patients.append((cells, out))
        used += mine if not out else []
    return patients, used, notes


def rank(why):
    """Returns the place of a reason in the flow chart."""
    order = ("distant", NO_PET, MANY_PETS, NO_CT, "PET and", "surgery")
    return next(i for i, start in enumerate(order) if why.startswith(start))


def flow(rows, patients):
    """Returns the flow chart as steps: how many patients are left, and how many were excluded for what."""
    steps = [{"n": len(rows), "what": "patients in the clinical table"}]
    known = len(patients)
    steps.append({"n": known, "what": "with a pathological N stage (cohort.csv)", "excluded": [{"n": len(rows) - known, "why": "pathological N stage not collected"}]})
    ranked = sorted((out for _, out in patients if out), key=lambda out: min(rank(why) for why in out))
    first = Counter(out[0] for out in ranked)
    left = sum(not out for _, out in patients)
    steps.append({"n": left, "what": "eligible (eligible.csv)", "excluded": [{"n": n, "why": why} for why, n in first.items()]})
    for name, group in (("cohort.csv", patients), ("eligible.csv", [p for p in patients if not p[1]])):
        stages = Counter(cells["x_pathological_n"] for cells, _ in group)
        steps[-1].setdefault("stages", {})[name] = {k: stages[k] for k in ("N0", "N1", "N2")}
    return steps


def command(a, say):
    """Writes cohort file, eligible patients, list of series, flow chart and README."""
    _, rows = read(a.clinical, NEEDED)
    if not any(n in rows[0] for n in PATIENT):
        raise TableError(f"the clinical table has no column {PATIENT[0]!r} (or {PATIENT[1]!r})")
    _, series = read(a.series, SERIES)
    patients, used, notes = cohort(rows, series, a)
    if not any(not out for _, out in patients):
        raise TableError("no patient is left: the clinical table and the series list do not fit, or the limits are too narrow")
    steps = flow(rows, patients)
    stages = steps[-1].pop("stages")
    lines = lambda group: csv_text(COLUMNS, [[cells[c] for c in COLUMNS] for cells, _ in group])
    eligible = [p for p in patients if not p[1]]
    size = sum(float(s["MB"]) for s in used)
    result = {"collection": "NSCLC Radiogenomics", "flow": steps, "stages": stages, "labels_not_given": NOT_GIVEN, "notes": dict(notes),
              "series": {"n": len(used), "MB": round(size, 2), "licences": dict(Counter(s["license_short_name"] for s in used))}}
    readme = README.format(n=len(patients), eligible=len(eligible), series=len(used), gb=size / 1000, images=a.images, not_given="".join(f"- {t}\n" for t in NOT_GIVEN),
                           licences=", ".join(f"{k} {v}" for k, v in result["series"]["licences"].items()), notes="".join(f"- {n} patients: {t}\n" for t, n in notes.items()))
    write_folder(a.out, {
        "cohort.csv": lines(patients), "eligible.csv": lines(eligible), "series.txt": "".join(s["SeriesInstanceUID"] + "\n" for s in used),
        "flow.json": as_json(result), "flow.html": flow_chart.page(result), "README.txt": readme,
    }, "flow.json", "this recipe")
    say(f"{len(patients)} patients in cohort.csv, {len(eligible)} in eligible.csv; {len(used)} series to download ({size / 1000:.1f} GB), see {a.out}/README.txt")
