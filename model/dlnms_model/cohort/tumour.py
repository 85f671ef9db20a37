"""Where the tumour is: one cell of the cohort file, as options of the library's program."""

from ..table import NUMBER

HELP = """TUMOUR is one of
  point:X,Y,Z            the centre, LPS millimetres
  seed:X,Y,Z             a point in the tumour; it is cut out of the PET at 41 % of SUVmax, and its centroid is the centre
  roi:NAME               the ROI of that name or number in a structure set of the study
  rtstruct:FILE#NAME     the ROI in this structure set
  segment:N              the segment of that number in a segmentation of the study
  seg:FILE#N             the segment in this segmentation
  mask:FILE              a mask (.nii, .nii.gz, .nrrd); its centroid is the centre"""
KINDS = ("point", "seed", "roi", "rtstruct", "segment", "seg", "mask")


def point(value):
    """Returns why a text is no point X,Y,Z, or None."""
    parts = [p.strip() for p in value.split(",")]
    return None if len(parts) == 3 and all(NUMBER.fullmatch(p) for p in parts) else "needs three numbers, X,Y,Z"


def why_not(cell):
    """Returns why a cell names no tumour, or None. An empty cell is a tumour that is not known yet."""
    if not cell:
        return None
    kind, colon, value = cell.partition(":")
    value = value.strip()
    if not colon or kind not in KINDS:
        return f"begins with none of {', '.join(k + ':' for k in KINDS)}"
    if not value:
        return f"nothing stands behind {kind}:"
    if kind in ("point", "seed"):
        return point(value)
    if kind == "segment" and not value.isdigit():
        return "a segment has a number"
    if kind in ("rtstruct", "seg"):
        file, mark, name = value.rpartition("#")
        if not mark or not file or not name:
            return f"write {kind}:FILE#{'NAME' if kind == 'rtstruct' else 'N'}"
        if kind == "seg" and not name.isdigit():
            return "a segment has a number"
    return None


def options(cell, folder):
    """Returns the options of the program `dlnms` for a cell; files are relative to `folder`."""
    kind, _, value = cell.partition(":")
    value = value.strip()
    if kind in ("point", "seed"):
        return [f"--{'center' if kind == 'point' else 'seed'}={','.join(p.strip() for p in value.split(','))}"]
    if kind in ("roi", "segment"):
        return [f"--{kind}={value}"]
    if kind == "mask":
        return ["--mask", str(folder / value)]
    file, _, name = value.rpartition("#")
    return [f"--{kind}", str(folder / file), f"--{'roi' if kind == 'rtstruct' else 'segment'}={name}"]


def files(cell, folder):
    """Returns the files that a cell names."""
    kind, _, value = cell.partition(":")
    if kind == "mask":
        return [folder / value.strip()]
    return [folder / value.strip().rpartition("#")[0]] if kind in ("rtstruct", "seg") else []
