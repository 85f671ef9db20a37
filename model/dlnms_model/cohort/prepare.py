"""Makes the planes of a cohort through the library: restartable, in parallel, one line in the journal for each study."""

import hashlib
import io
import json
import pathlib
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass

import joblib
import numpy as np

from ..output import refuse_other_folder, write_file
from ..table import TableError
from . import identity, tumour
from .journal import Journal
from .library import Bundle, Library, Refused

SUMMARY = "prepared.json"
FORMAT = 1
TELL_EVERY = 2.0  # seconds between two lines of progress


@dataclass(frozen=True)
class Settings:
    """What all studies of a run have in common."""

    library: Library
    bundle: Bundle
    quality: str
    cube: int  # samples a side of the cubes, 0 for none
    timeout: float
    out: pathlib.Path
    cohort_folder: pathlib.Path
    key: bytes


def record_key(case, s):
    """Returns a digest of everything that the planes of a case depend on; files count by name, size and time of change."""
    files = [p for _, p in case.paths] + tumour.files(case.tumour, s.cohort_folder)
    parts = (case.key(), s.bundle.preprocessing_sha256, s.quality, str(s.cube), s.library.version, identity.fingerprint(files))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def study(case, key, s):
    """Prepares one study and returns its record. Only what would befall every study raises."""
    record = {"key": key, "row": case.row, "status": "refused", "message": None}
    start = time.monotonic()
    try:
        for name, given in (("study", case.paths), ("tumour", case.tumour)):
            if not given:
                raise Refused(f"row {case.row}, column {name}: no value")
        missing = [p for _, p in case.paths if not p.exists()]
        if missing:
            raise Refused(f"row {case.row}, column study: {len(missing)} of {len(case.paths)} paths are not there")
        paths = [p for _, p in case.paths]
        series = identity.headers(paths)
        inspected = s.library.inspect(paths, s.timeout) if series else {}
        record["identity"] = identity.of_study(case, series, inspected, s.key)
        record["suv_rule"] = next((x["suv"].get("rule") for x in inspected.get("series", []) if x.get("chosen") and x.get("suv")), None)
        with tempfile.TemporaryDirectory(prefix=".study.", dir=s.out / "planes") as scratch:
            planes = s.library.planes(case, s.cohort_folder, s.bundle, s.quality, s.cube, scratch, s.timeout)
        record.update(findings=planes.findings, warnings=planes.warnings, **save(planes, key, s.out))
        record["status"] = "prepared"
    except Refused as why:
        record["message"] = str(why)
    record["seconds"] = round(time.monotonic() - start, 3)
    return record


def save(planes, key, out):
    """Writes PET and CT planes as one array (2, channels, rows, columns), and the cubes as another, and returns names and digests."""
    tensor = np.stack([planes.pet, planes.ct]).astype("<f4")
    for name, plane in (("PET", planes.pet), ("CT", planes.ct)):
        if plane.min() == plane.max():
            raise Refused(f"all {name} planes have the same value everywhere")
    saved = {}
    if planes.pet_cube is not None:
        with np.errstate(over="ignore"):
            cubes = np.stack([planes.pet_cube, planes.ct_cube]).astype("<f2")
        name, digest, size = write_array(cubes, "cubes", key, out)
        saved = {"cubes": name, "cubes_shape": list(cubes.shape), "cubes_bytes": size, "cubes_sha256": digest}
    name, digest, _ = write_array(tensor, "planes", key, out)
    return {"planes": name, "shape": list(tensor.shape), "sha256": digest, "sha256_pet": hashlib.sha256(tensor[0].tobytes()).hexdigest(),
            "sha256_ct": hashlib.sha256(tensor[1].tobytes()).hexdigest(), **saved}


def write_array(array, folder, key, out):
    """Writes an array in a folder of `out` and returns its name there, the digest of the file and its size."""
    if not np.isfinite(array).all():
        raise Refused(f"the {folder} hold values that are not finite" + (", or too large for half precision" if array.dtype == "<f2" else ""))
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    name = f"{folder}/{key[:32]}.npy"
    write_file(out / name, content.getvalue())
    return name, hashlib.sha256(content.getvalue()).hexdigest(), len(content.getvalue())


def whole(record, out):
    """Returns whether the planes of a record are on the disk as they were written; of the cubes, whether they have their size."""
    try:
        planes = hashlib.sha256((out / record["planes"]).read_bytes()).hexdigest() == record["sha256"]
        return planes and ("cubes" not in record or (out / record["cubes"]).stat().st_size == record["cubes_bytes"])
    except OSError:
        return False


def left_over(out, records):
    """Removes what a killed run or an earlier cohort file left in the folders of the arrays."""
    used = {r[kind] for r in records for kind in ("planes", "cubes") if r.get(kind)}
    for path in [p for kind in ("planes", "cubes") if (out / kind).is_dir() for p in (out / kind).iterdir()]:
        if str(path.relative_to(out)) not in used:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


class Progress:
    """Says from time to time how many studies are done and how long the rest will take."""

    def __init__(self, say, total, workers):
        self.say, self.total, self.workers, self.done, self.refused = say, total, workers, 0, 0
        self.start = self.told = time.monotonic()

    def add(self, record):
        self.done += 1
        self.refused += record["status"] != "prepared"
        now = time.monotonic()
        if now - self.told >= TELL_EVERY or self.done == self.total:
            self.told = now
            left = (now - self.start) / self.done * (self.total - self.done)
            rate = self.done / max(now - self.start, 1e-9)
            self.say(f"{self.done} of {self.total} studies, {self.refused} refused, {rate:.2f} studies/s" + (f", about {duration(left)} left" if self.done < self.total else ""))


def duration(seconds):
    """Returns a time span for a person."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def prepare(cohort, bundle, out, library, quality="default", cube=0, workers=1, timeout=600.0, retry=False, say=lambda text: None):
    """Prepares all studies of a cohort in folder `out` and returns the summary.

    Studies that an earlier run prepared or refused are taken over as long as neither their row nor their files, the bundle's
    preprocessing, the quality policy or the library has changed; `retry` tries refused ones again.
    """
    out = pathlib.Path(out).absolute()
    refuse_other_folder(out, ".key", "a prepared cohort")
    (out / "planes").mkdir(parents=True, exist_ok=True)
    journal = Journal(out)
    try:
        s = Settings(library, bundle, quality, cube, timeout, out, cohort.folder, journal.key)
        (out / SUMMARY).unlink(missing_ok=True)  # written last: an interrupted run leaves no finished folder
        keys = {c.row: record_key(c, s) for c in cohort.cases}
        todo = [c for c in cohort.cases if not taken_over(journal.records.get(keys[c.row]), out, retry)]
        if len(todo) < len(cohort.cases):
            say(f"{len(cohort.cases) - len(todo)} of {len(cohort.cases)} studies are done already")
        left_over(out, journal.records.values())
        progress = Progress(say, len(todo), workers)
        jobs = (joblib.delayed(study)(c, keys[c.row], s) for c in todo)
        for record in joblib.Parallel(n_jobs=workers, return_as="generator_unordered", batch_size=1)(jobs):
            journal.add(record)
            progress.add(record)
        records = [{**journal.records[keys[c.row]], "row": c.row} for c in cohort.cases]
        left_over(out, records)
        summary = summarise(cohort, s, records)
        write_file(out / SUMMARY, (json.dumps(summary, indent=1, ensure_ascii=False) + "\n").encode())
        return summary
    finally:
        journal.close()


def taken_over(record, out, retry):
    """Returns whether the record of an earlier run stands."""
    if record is None:
        return False
    return whole(record, out) if record["status"] == "prepared" else not retry


def summarise(cohort, s, records):
    """Returns the summary of a finished run, with its records in the order of the cohort file."""
    shapes = {tuple(r["shape"]) for r in records if r["status"] == "prepared"}
    if len(shapes) > 1:
        raise TableError(f"the planes have different shapes: {sorted(shapes)}")
    b = s.bundle
    return {
        "format": FORMAT, "cohort": {"file": cohort.path.name, "sha256": cohort.sha256, "n": len(cohort.cases)},
        "bundle": {"id": b.id, "version": b.version, "manifest_sha256": b.manifest_sha256},
        "preprocessing": b.preprocessing, "preprocessing_sha256": b.preprocessing_sha256,
        "library": s.library.version, "quality": s.quality, "cube": s.cube, "shape": list(shapes.pop()) if shapes else None,
        "prepared": sum(r["status"] == "prepared" for r in records), "refused": sum(r["status"] != "prepared" for r in records),
        "findings": dict(sorted(Counter(f["code"] for r in records for f in r.get("findings", [])).items())),
        "studies": records,
    }
