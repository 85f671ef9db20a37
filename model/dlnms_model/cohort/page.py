"""The page of a cohort: Table 1, quality findings, leak checks and the contact sheet. Rows are named by their number, never by a patient."""

from html import escape

from ..page import document, method, number, p_value, rows, warnings
from . import contact_sheet, table_one

SHEET = """<style>.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(184px,1fr));gap:10px}.sheet figure{border:1px solid var(--line);padding:6px}
.sheet img{width:100%;image-rendering:auto;display:block;background:#000}.sheet figcaption{font-size:12px;color:var(--muted)}.positive{color:var(--series1);font-weight:600}</style>"""


def first_table(result):
    """Returns Table 1 as HTML."""
    names = list(result["groups"])
    head = ["", "", *(f"{escape(g)} (n = {n})" for g, n in result["groups"].items()), *(f"p against {escape(names[0])}: {escape(g)}" for g in names[1:])]
    lines, used = [], []
    for v in result["variables"]:
        for k, row in enumerate(v["rows"]):
            tests = row.get("tests", v["tests"] if k == 0 else {})
            used += [t["test"] for t in tests.values() if t]
            cells = [escape(table_one.text(row["kind"], row["groups"][g])) for g in names]
            lines.append([escape(v["name"]) if k == 0 else "", escape(row["level"]), *cells, *(p_value(tests[g]["p"]) if tests.get(g) else "" for g in names[1:])])
        if any(v["missing"].values()):
            lines.append(["", "not known", *(str(v["missing"][g]) for g in names), *[""] * (len(names) - 1)])
    legend = ["Counts with percent of the patients whose value is known"] + [m for k, m in result["methods"].items() if k in used]
    if used:
        legend.append("The p-values are not adjusted for their number")
    return "<h2>Table 1</h2>" + rows(head, lines) + method(*legend)


def preparation(prepared):
    """Returns what became of the studies."""
    s = prepared.summary
    lines = [[str(r["row"]), escape(r["message"])] for r in prepared.records if r["status"] != "prepared"]
    refused = ('<h3>Refused studies</h3><div class="text">' + rows(["Row", "Why"], lines) + "</div>") if lines else ""
    found = {}
    for r in prepared.records:
        for f in r.get("findings", []):
            found.setdefault(f["code"], []).append(r["row"])
    findings = rows(["Finding", "Studies", "Rows"], [[escape(c), str(len(w)), listed(w)] for c, w in sorted(found.items())]) if found else "<p>No finding.</p>"
    rules = {}
    for r in prepared.records:
        if r["status"] == "prepared":
            rules[r.get("suv_rule") or "not DICOM"] = rules.get(r.get("suv_rule") or "not DICOM", 0) + 1
    suv = rows(["Rule of the SUV", "Studies"], [[escape(k), str(n)] for k, n in sorted(rules.items())]) if rules else ""
    about = (f"<p>{s['prepared']} of {s['cohort']['n']} studies were prepared, {s['refused']} refused. Planes by {escape(s['library'])} with the preprocessing of bundle "
             f"{escape(s['bundle']['id'])} {escape(s['bundle']['version'])}, quality policy {escape(s['quality'])}.</p>")
    return f"<h2>Studies</h2>{about}{refused}<h3>Quality findings</h3>{findings}{suv}"


def listed(numbers, most=20):
    """Returns row numbers as text, the first ones if there are many."""
    return ", ".join(map(str, numbers[:most])) + (f" and {len(numbers) - most} more" if len(numbers) > most else "")


def leaks(result):
    """Returns the leak checks."""
    if result["same"]:
        same = '<div class="text">' + rows(["What two rows share", "Rows", "Splits"], [[escape(f["what"]), listed(f["rows"]), escape(", ".join(f.get("splits", [])))] for f in result["same"]]) + "</div>"
        same = warnings(["rows share a patient or images: no model may be trained and tested on this cohort"]) + same
    else:
        same = "<p>No two rows share a patient, a study, a series, instances or planes.</p>"
    near = "<p>No near-duplicates.</p>"
    if result["near"]:
        near = rows(["Near-duplicates", "Rows", "Correlation"], [[f["modality"].upper(), listed(f["rows"]), number(f["correlation"], 4)] for f in result["near"]])
    near += method(f"Near-duplicates: correlation of planes of 14 x 14 block means above {result['near_above']}")
    tables = ""
    for label, facts in result["alone"].items():
        lines = []
        for name, f in facts.items():
            value = "&ndash;" if "auroc" not in f else f"{f['auroc']:.3f} ({number(f['low'])} to {number(f['high'])})"
            lines.append([escape(name), str(f["n"]), value, p_value(f.get("p")), '<span class="warning">tells the label</span>' if f.get("tells") else escape(f.get("refused", ""))])
        tables += f"<h3>What tells {escape(label)} alone</h3>" + rows(["", "Patients", "AUROC (95 %)", "p", ""], lines)
    if not result["alone"]:
        tables = "<p>No label has both classes, so nothing can be compared with one.</p>"
    return "<h2>Leak checks</h2>" + same + near + tables + method(result["alone_method"])


def sheet(prepared):
    """Returns the contact sheet."""
    cards = []
    for i, r in enumerate(prepared.records):
        planes = prepared.planes(i)
        if planes is None:
            continue
        cell = lambda name: prepared.cohort.cell(name, i) or "?"
        labels = ", ".join(f'<span class="positive">{n} 1</span>' if cell(n) == "1" else f"{n} {escape(cell(n))}" for n in ("n1", "n2"))
        codes = ", ".join(f["code"] for f in r["findings"])
        picture = contact_sheet.url(contact_sheet.picture(planes, prepared.summary["preprocessing"]))
        cards.append(f'<figure><img loading="lazy" alt="planes of row {r["row"]}" src="{picture}"><figcaption>row {r["row"]}: {labels}<br>{escape(codes)}</figcaption></figure>')
    low, high = contact_sheet.CT_WINDOW
    words = f"Each study at half size: axial, coronal, sagittal; CT above, {low:g} to {high:g} HU; PET below, SUV {contact_sheet.PET_WINDOW[0]:g} to {contact_sheet.PET_WINDOW[1]:g}, dark is high. The tumour is in the middle of each plane"
    return f'{SHEET}<h2>Contact sheet</h2>{method(words)}<div class="sheet">{"".join(cards)}</div>'


def page(cohort, table, prepared=None, checks=None):
    """Returns the page as HTML text."""
    labels = "; ".join(f"{n}: {c.count('1')} positive, {c.count('0')} negative, {len(c) - c.count('1') - c.count('0')} not known"
                       for n in ("n1", "n2") for c in [[cohort.cell(n, i) for i in range(len(cohort.cases))]])
    body = f"<p>{escape(cohort.path.name)}: {len(cohort.cases)} patients; {labels}. SHA-256 {cohort.sha256[:16]}...</p>" + warnings(cohort.table.warnings) + first_table(table)
    if prepared:
        body += preparation(prepared) + leaks(checks) + sheet(prepared)
    return document(f"Cohort {cohort.path.name}", f"Cohort {cohort.path.name}", body)
