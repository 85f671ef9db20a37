"""The columns of a cohort file: what each may hold."""

import datetime
import difflib
import math

from ..table import NUMBER

OWN = "x_"  # a column whose name begins so is the user's own and is not checked


def number(low, high, unit):
    """Returns a check that a cell is a number from `low` to `high`."""
    def check(cell):
        if not NUMBER.fullmatch(cell) or math.isinf(float(cell)):
            return "not a finite number"
        return None if low <= float(cell) <= high else f"outside {low:g} to {high:g} {unit}"
    return check


def choice(*values):
    """Returns a check that a cell is one of `values`."""
    return lambda cell: None if cell in values else f"must be {' or '.join(values)}"


def date(cell):
    """Checks a date, YYYY-MM-DD."""
    try:
        return None if datetime.date.fromisoformat(cell) and len(cell) == 10 else "not a date, YYYY-MM-DD"
    except ValueError:
        return "not a date, YYYY-MM-DD"


def uid(cell):
    """Checks a DICOM UID."""
    return None if cell and len(cell) <= 64 and all(p.isdigit() for p in cell.split(".")) else "not a UID"


def anything(cell):
    """Accepts every cell."""


BINARY = choice("0", "1")
DAYS = number(0, 40000, "days")
# Name -> (check, what it holds). The first five are required.
COLUMNS = {
    "patient": (anything, "who: a pseudonym, one row each"),
    "study": (anything, "where the images are: folders or files, separated by `;`, relative to the cohort file; `ct:` and `pet:` before one name the modality"),
    "tumour": (anything, "where the tumour is, see TUMOUR"),
    "n1": (BINARY, "1: a metastasis in an N1 node, by pathology; 0: none; empty: not known"),
    "n2": (BINARY, "the same for N2"),
    "split": (anything, "e.g. training, validation, external"),
    "site": (anything, "where the patient was treated"),
    "age": (number(0, 120, "years"), "years"),
    "sex": (choice("male", "female"), "male or female"),
    "smoking": (choice("ever", "never"), "ever or never"),
    "type": (choice("solid", "subsolid"), "radiological type: solid or subsolid"),
    "side": (choice("left", "right"), "left or right"),
    "central": (BINARY, "1: central, 0: peripheral"),
    "size": (number(0.1, 20, "cm"), "radiological size in cm"),
    "suvmax": (number(0, 200, ""), "SUVmax of the tumour"),
    "mtv": (number(0, 5000, "ml"), "metabolic tumour volume in ml"),
    "tlg": (number(0, 100000, ""), "total lesion glycolysis"),
    "histology": (anything, "e.g. adenocarcinoma"),
    "procedure": (anything, "surgery, e.g. lobectomy"),
    "os_days": (DAYS, "days of follow-up for overall survival"),
    "os_event": (BINARY, "1: died, 0: censored"),
    "rfs_days": (DAYS, "days of follow-up for recurrence-free survival"),
    "rfs_event": (BINARY, "1: recurred or died, 0: censored"),
    "ct_date": (date, "YYYY-MM-DD"),
    "pet_date": (date, "YYYY-MM-DD"),
    "surgery_date": (date, "YYYY-MM-DD"),
    "ct_series": (uid, "Series Instance UID of the CT, where the choice is not left to the library"),
    "pet_series": (uid, "the same for the PET"),
}
REQUIRED = ("patient", "study", "tumour", "n1", "n2")
LABELS = ("n1", "n2")
TOGETHER = (("os_days", "os_event"), ("rfs_days", "rfs_event"))
# What 1 means where a column of two words enters a regression.
POSITIVE = {"sex": "male", "smoking": "ever", "type": "solid", "side": "left"}
CATEGORICAL = ("sex", "smoking", "type", "side", "central", "histology", "procedure", "n1", "n2")
CONTINUOUS = ("age", "size", "suvmax", "mtv", "tlg")


def unknown(names):
    """Returns why a name among `names` is no column of a cohort file, or None."""
    for name in names:
        if name not in COLUMNS and not name.startswith(OWN):
            near = difflib.get_close_matches(name.lower(), COLUMNS, 1)
            hint = f"; {near[0]!r} is meant?" if near else ""
            return f"column {name!r} is not known{hint} (a column of your own begins with {OWN!r})"
    return None
