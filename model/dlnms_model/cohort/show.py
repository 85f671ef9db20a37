"""The command `cohort show`: the page of a cohort with its tables as CSV and JSON."""

from ..output import as_json, csv_text, write_folder
from . import columns, leaks, page, prepared, table_one


def command(cohort, a, say):
    """Writes the page and returns whether two rows share a patient or images."""
    table = table_one.table(cohort, a.by)
    files = {"table1.csv": csv_text(*table_one.csv_rows(table))}
    found, checks, result = None, None, {"cohort": {"file": cohort.path.name, "sha256": cohort.sha256, "n": len(cohort.cases)}, "table1": table}
    if a.prepared:
        found = prepared.read(a.prepared, cohort)
        say("looking for leaks")
        checks = leaks.check(found, [a.label] if a.label else columns.LABELS)
        result.update(studies={k: v for k, v in found.summary.items() if k != "studies"}, leaks=checks)
        files["studies.csv"] = studies(found)
        say("drawing the contact sheet")
    write_folder(a.out, {"cohort.html": page.page(cohort, table, found, checks), "cohort.json": as_json(result), **files}, "cohort.json", "a cohort's page")
    say(f"wrote {a.out}")
    for f in checks["same"] if checks else ():
        say(f"error: rows {' and '.join(map(str, f['rows']))}: {f['what']}")
    return bool(checks and checks["same"])


def studies(found):
    """Returns one line for each study: status, findings, scanner, voxels and date."""
    names = ("scanner", "date", "pixel_mm", "slice_mm", "files")
    rows = []
    for r in found.records:
        of = lambda m: [r.get("identity", {}).get(m, {}).get(n) for n in names]
        rows.append([r["row"], r["status"], r["message"], " ".join(f["code"] for f in r.get("findings", [])), r.get("suv_rule"), *of("ct"), *of("pet"), r.get("sha256"), r["seconds"]])
    return csv_text(["row", "status", "message", "findings", "suv_rule", *(f"{m}_{n}" for m in ("ct", "pet") for n in names), "planes_sha256", "seconds"], rows)
