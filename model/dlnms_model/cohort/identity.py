"""What a study says of itself in its DICOM headers: who, which study, which instances, which scanner.

Who and which are kept as digests with a key of the prepared folder, so that two rows can be compared and nobody is named.
"""

import hashlib
import hmac
import pathlib
import re

import pydicom
from pydicom.errors import InvalidDicomError

TAGS = ["PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality", "Manufacturer", "ManufacturerModelName", "StudyDate",
        "PixelSpacing", "SliceThickness"]


def keyed(key, *parts):
    """Returns a digest of texts that cannot be found again without the key."""
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def files(paths):
    """Returns all files of folders and files, in the order of their names."""
    out = []
    for path in map(pathlib.Path, paths):
        out += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return out


def fingerprint(paths):
    """Returns a digest of names, sizes and times of change of the files of a study. A path that is not there counts as such."""
    digest = hashlib.sha256()
    for path in files(paths):
        try:
            s = path.stat()
            digest.update(f"{path}\0{s.st_size}\0{s.st_mtime_ns}\n".encode())
        except OSError:
            digest.update(f"{path}\0missing\n".encode())
    return digest.hexdigest()


def headers(paths):
    """Returns the headers of the DICOM files of a study by Series Instance UID."""
    series = {}
    for path in files(paths):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
        except (InvalidDicomError, OSError, ValueError, AttributeError, EOFError):
            continue
        if header.get("Modality") in ("CT", "PT") and header.get("SeriesInstanceUID"):
            series.setdefault(str(header.SeriesInstanceUID), []).append(header)
    return series


def chosen(case, inspected):
    """Returns the Series Instance UIDs of CT and PET: those of the cohort file, else those that the library chooses."""
    pick = {"CT": case.ct_series, "PT": case.pet_series}
    for s in inspected.get("series", []):
        if s.get("chosen") and not pick.get(s.get("modality"), "set"):
            pick[s["modality"]] = s["uid"]
    return pick


def of_study(case, series, inspected, key):
    """Returns identity and scanner of a study: of its DICOM series (`headers`), or digests of its volume files where there are none."""
    if not series:
        content = {m or "files": hashlib.sha256(b"".join(hashlib.sha256(f.read_bytes()).digest() for f in files([p]))).hexdigest() for m, p in case.paths}
        return {"source": "volumes", "content": {m: keyed(key, d) for m, d in content.items()}}
    out = {"source": "dicom"}
    for modality, uid in chosen(case, inspected).items():
        found = series.get(uid)
        if not found:
            continue
        first, name = found[0], {"CT": "ct", "PT": "pet"}[modality]
        who = str(first.get("PatientID") or "") or str(first.get("PatientName") or "")
        out[name] = {
            "patient": keyed(key, "patient", who.strip().casefold()) if who.strip() else None,
            "study": keyed(key, "study", str(first.get("StudyInstanceUID") or "")),
            "series": keyed(key, "series", uid),
            "instances": keyed(key, "instances", *sorted(str(h.get("SOPInstanceUID") or "") for h in found)),
            "files": len(found),
            "scanner": " ".join(filter(None, (str(first.get(t) or "").strip() for t in ("Manufacturer", "ManufacturerModelName")))) or None,
            "date": date(str(first.get("StudyDate") or "")),
            "pixel_mm": number(first.get("PixelSpacing")),
            "slice_mm": number(first.get("SliceThickness")),
        }
    return out


def date(text):
    """Returns a DICOM date as YYYY-MM-DD, or None."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if re.fullmatch(r"\d{8}", text) else None


def number(value):
    """Returns the first number of an attribute, or None."""
    try:
        return float(value[0] if isinstance(value, (list, pydicom.multival.MultiValue)) else value)
    except (TypeError, ValueError, IndexError):
        return None
