"""Promises of `cohort`: the file, the planes of real DICOM through the library, restart, leak checks, Table 1."""

import csv
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

REQUIRED = "DLNMS_REQUIRE_ALL" in os.environ
ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("DLNMS_SHARED", ROOT.parent / "shared"))
PAIRED, TRUTH = SHARED / "data" / "petct" / "a_paired", SHARED / "truth" / "statistics"
PROGRAM = next((str(p) for p in (os.environ.get("DLNMS_PROGRAM"), ROOT / "target/dist/bin/dlnms", ROOT / "target/release/dlnms") if p and os.access(p, os.X_OK)), None)
if not REQUIRED:
    for module in ("scipy", "sklearn", "statsmodels", "joblib", "pydicom"):
        pytest.importorskip(module, reason=f"SKIPPED LOUDLY: {module} is not installed: pip install 'dlnms_model[cohort]'")

from dlnms_model import __main__  # noqa: E402
from dlnms_model.cohort import contact_sheet, file, leaks, page, prepared, table_one  # noqa: E402
from dlnms_model.table import TableError  # noqa: E402

needs_images = pytest.mark.skipif((not PAIRED.is_dir() or not PROGRAM) and not REQUIRED, reason=f"SKIPPED LOUDLY: no images at {PAIRED}, or no program dlnms (make dist)")
needs_truth = pytest.mark.skipif(not TRUTH.is_dir() and not REQUIRED, reason=f"SKIPPED LOUDLY: R's numbers are not at {TRUTH}")
HEADER = "patient,study,tumour,n1,n2"
GOLDEN = {"acrin": "acrin042_tumour", "s1": "sts_001", "s2": "sts_002", "s3": "sts_003"}


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def run(*arguments):
    return __main__.main(["cohort", *map(str, arguments), "--quiet"])


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize("lines, message", [
    (["patient,study,tumour,n1", "a,s,,0"], "there is no column 'n2'; a cohort needs patient, study, tumour, n1, n2"),
    ([HEADER + ",os_evnet", "a,s,,0,0,1"], "row 1: column 'os_evnet' is not known; 'os_event' is meant?"),
    ([HEADER + ",weight", "a,s,,0,0,1"], "column 'weight' is not known (a column of your own begins with 'x_')"),
    ([HEADER, "a,s,,0,0", ",t,,0,0"], "row 3, column patient: no value"),
    ([HEADER, "a,s,,0,0", "A,t,,0,0"], "row 3, column patient: the same patient as in row 2, and the rows contradict each other in study"),
    ([HEADER + ",split", "a,s,,0,0,training", "a,s,,0,0,external"], "row 3, column patient: the same patient as in row 2, and the rows contradict each other in split"),
    ([HEADER, "a,s,,0,0", "b,t,,1,2"], "row 3, column n2: must be 0 or 1"),
    ([HEADER, "a,s,,0,0", "b,s,,0,0"], "row 3, column study: the same images as in row 2, for another patient"),
    ([HEADER, "a,ct:s,,0,0"], "row 2, column study: ct: and pet: are given both, once, and with nothing else"),
    ([HEADER, 'a,s,"point:1,2",0,0'], "row 2, column tumour: needs three numbers, X,Y,Z"),
    ([HEADER, "a,s,GTV,0,0"], "row 2, column tumour: begins with none of point:, seed:"),
    ([HEADER, "a,s,seg:f.dcm,0,0"], "row 2, column tumour: write seg:FILE#N"),
    ([HEADER, "a,s,segment:one,0,0"], "row 2, column tumour: a segment has a number"),
    ([HEADER, "a,s,roi:,0,0"], "row 2, column tumour: nothing stands behind roi:"),
    ([HEADER + ",age", "a,s,,0,0,nan", "b,t,,0,0,170"], "row 3, column age: outside 0 to 120 years"),
    ([HEADER + ",size", "a,s,,0,0,25"], "row 2, column size: outside 0.1 to 20 cm"),
    ([HEADER + ",sex", "a,s,,0,0,M"], "row 2, column sex: must be male or female"),
    ([HEADER + ",os_days", "a,s,,0,0,5"], "column 'os_days' needs column 'os_event'"),
    ([HEADER + ",os_days,os_event", "a,s,,0,0,,1"], "row 2, column os_days: no value, but os_event has one"),
    ([HEADER + ",os_days,os_event,rfs_days,rfs_event", "a,s,,0,0,5,0,6,0"], "row 2, column rfs_days: longer than os_days"),
    ([HEADER + ",os_days,os_event,rfs_days,rfs_event", "a,s,,0,0,5,1,5,0"], "row 2, column rfs_event: 0, but os_event is 1"),
    ([HEADER + ",pet_date,surgery_date", "a,s,,0,0,2020-02-02,2020-02-01"], "row 2, column surgery_date: before pet_date"),
    ([HEADER + ",pet_date", "a,s,,0,0,2020-02-30"], "row 2, column pet_date: not a date"),
    ([HEADER + ",ct_date", "a,s,,0,0,2999-01-01"], "row 2, column ct_date: lies in the future"),
    ([HEADER + ",ct_series", "a,s,,0,0,1.2.x"], "row 2, column ct_series: not a UID"),
    ([HEADER, "a,s,,0"], "row 2: 4 cells, but the header has 5 columns"),
])
def test_a_wrong_file_is_refused_by_row_and_column(lines, message, tmp_path, capsys):
    assert run("check", write(tmp_path / "c.csv", *lines)) == 1
    assert f"c.csv" in (err := capsys.readouterr().err) and message in err


def test_a_file_with_gaps_is_read_and_its_gaps_are_said(tmp_path, capsys):
    path = write(tmp_path / "c.csv", HEADER + ",x_grade,os_days,os_event", "a,s,,,1,G1,,", 'b,t;u,"point:-1.5,2,3e1",1,0,,40,1', "c,,roi:GTV,0,0,,,")
    assert run("check", path) == 0
    out = capsys.readouterr().out
    assert "3 patients" in out and "n1: 1 positive, 1 negative, 1 not known" in out and "1 without images" in out and "1 without a tumour" in out
    cohort = file.read(path)
    assert cohort.cases[1].paths == (("", tmp_path / "t"), ("", tmp_path / "u")) and cohort.cases[2].paths == ()
    with pytest.raises(TableError, match="row 2, column n1: no value"):
        cohort.label("n1")
    kept, y = cohort.label("n1", drop_missing=True)
    assert kept.rows == [3, 4] and y.tolist() == [True, False] and "1 of 3 patients were left out" in kept.warnings[-1]


def test_help_teaches_columns_tumour_and_exit_codes(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["cohort", "--help"])
    out = capsys.readouterr().out
    for words in ("os_event", "point:X,Y,Z", "exit codes", "radiogenomics", "the usual order"):
        assert words in out


# ---------------------------------------------------------------- the planes of real studies


@pytest.fixture(scope="session")
def bundle(tmp_path_factory):
    out = tmp_path_factory.mktemp("bundles")
    subprocess.run([sys.executable, ROOT / "tests/tiny_bundle.py", out / "tiny", out / "fragile"], check=True, capture_output=True,
                   env={**os.environ, "PYTHONPATH": str(ROOT / "model")})
    return out / "tiny"


def golden_center(name):
    return ",".join(map(str, json.loads((SHARED / "golden/golden.json").read_text())[GOLDEN[name]]["centre_lps_mm"]))


def real(tmp_path, *more, names=tuple(GOLDEN)):
    """Writes a cohort of the real paired studies; `more` are further lines."""
    place = lambda n: f"ct:{PAIRED}/acrin042/ct;pet:{PAIRED}/acrin042/pet_ac" if n == "acrin" else str(PAIRED / f"ibsi_sts/STS_00{n[1]}")
    lines = [f'{n},{place(n)},"point:{golden_center(n)}",{int(i % 2 == 0)},{int(i % 2)},{"training" if i < 2 else "external"}' for i, n in enumerate(names)]
    return write(tmp_path / "cohort.csv", HEADER + ",split", *lines, *more)


def prepare(path, bundle, out, *more, program=PROGRAM):
    return run("prepare", path, "--bundle", bundle, "--dlnms", program, "--out", out, *more)


def summary(out):
    return json.loads((out / "prepared.json").read_text())


def digests(out):
    return {r["row"]: r.get("sha256") for r in summary(out)["studies"]}


@needs_images
def test_planes_of_real_studies_are_the_golden_planes(tmp_path, bundle, capsys):
    path = real(tmp_path, f"gone,{tmp_path}/nowhere,roi:1,0,0,external", f"empty,{PAIRED}/acrin042,,0,0,external", f"wrong,{PAIRED}/ibsi_sts/STS_001/CT;{PAIRED}/ibsi_sts/STS_001/PET,roi:nope,0,0,external")
    assert prepare(path, bundle, tmp_path / "out") == 4
    s = summary(tmp_path / "out")
    assert (s["prepared"], s["refused"], s["shape"]) == (4, 3, [2, 3, 112, 112]) and s["findings"] == {"derived_image": 3}
    found = prepared.read(tmp_path / "out", file.read(path))
    for i, name in enumerate(GOLDEN.values()):
        for m, (modality, tolerance) in enumerate((("pet", 0.02), ("ct", 1e-4))):  # as in the library's tests; slices of the PET are not evenly apart
            assert np.abs(found.planes(i)[m] - np.load(SHARED / f"golden/{name}_{modality}.npy")).max() < tolerance
    messages = {r["row"]: r["message"] for r in s["studies"]}
    assert "row 6, column study: 1 of 1 paths are not there" == messages[6] and "row 7, column tumour: no value" == messages[7] and "nope" in messages[8]
    first = s["studies"][0]
    assert first["suv_rule"] == "START/SeriesTime" and first["identity"]["pet"]["scanner"] == "GE MEDICAL SYSTEMS Discovery ST" and first["identity"]["ct"]["files"] == 135
    everything = (tmp_path / "out" / "journal.jsonl").read_text() + capsys.readouterr().err
    assert "ACRIN" not in everything and "1.3.6.1.4.1" not in everything, "an identity was written"


@needs_images
def test_cubes_hold_the_same_values_as_the_planes(tmp_path, bundle, capsys):
    """The window of the planes, cut out of the cube and resized as the paper's authors do, gives the planes."""
    path = real(tmp_path, names=("acrin", "s2"))
    assert prepare(path, bundle, tmp_path / "out", "--cube", "152") == 0
    found = prepared.read(tmp_path / "out", file.read(path))
    preprocessing = found.summary["preprocessing"]
    for i in range(2):
        cubes, planes = found.cubes(i), found.planes(i)
        assert cubes.shape == (2, 152, 152, 152) and cubes.dtype == np.float16
        window = cubes[:, 10:142, 10:142, 10:142].astype(np.float64)
        at = np.linspace(0, 131, 112)
        low = np.minimum(at.astype(int), 130)
        share = at - low
        for m, modality in enumerate(("pet", "ct")):
            scale = preprocessing[modality]
            for c, plane in enumerate((window[m, 66], window[m, :, 66], window[m, :, :, 66])):
                rows = plane[low] * (1 - share)[:, None] + plane[low + 1] * share[:, None]
                small = rows[:, low] * (1 - share) + rows[:, low + 1] * share
                step = 2.0 if modality == "ct" else np.abs(window[m]).max() / 1024  # of half precision
                assert np.abs((small - scale["mean"]) / scale["std"] - planes[m, c]).max() < step / scale["std"], (i, modality, c)
    before = digests(tmp_path / "out")
    cube = tmp_path / "out" / summary(tmp_path / "out")["studies"][0]["cubes"]
    cube.write_bytes(cube.read_bytes()[:-2] + b"xx")
    with pytest.raises(TableError, match="the cubes of row 2 are not as they were written"):
        found.cubes(0)
    cube.unlink()
    assert prepare(path, bundle, tmp_path / "out", "--cube", "152") == 0 and cube.exists() and digests(tmp_path / "out") == before
    assert prepare(path, bundle, tmp_path / "out") == 0 and not list((tmp_path / "out/cubes").iterdir()), "cubes that nobody asks for are removed"
    with pytest.raises(TableError, match="was prepared without cubes"):
        prepared.read(tmp_path / "out", file.read(path)).cubes(0)
    assert prepare(path, bundle, tmp_path / "out", "--cube", "100") == 1 and "--cube: must lie between 132, the window of the planes, and 1024" in capsys.readouterr().err


@needs_images
def test_two_workers_and_a_second_run_give_the_same(tmp_path, bundle):
    path = real(tmp_path)
    assert prepare(path, bundle, tmp_path / "one") == 0 == prepare(path, bundle, tmp_path / "two", "--workers", "2")
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    lines = (tmp_path / "one/journal.jsonl").read_text()
    assert prepare(path, bundle, tmp_path / "one") == 0 and (tmp_path / "one/journal.jsonl").read_text() == lines, "a study was prepared again"


@needs_images
def test_a_run_killed_half_way_goes_on_and_equals_one_that_was_not(tmp_path, bundle):
    path = real(tmp_path)
    command = [sys.executable, "-m", "dlnms_model", "cohort", "prepare", path, "--bundle", bundle, "--dlnms", PROGRAM, "--out", tmp_path / "out", "--quiet"]
    child = subprocess.Popen(command, cwd=ROOT / "model")
    journal = tmp_path / "out/journal.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < 2:
        assert child.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done = journal.read_bytes()
    assert not (tmp_path / "out/prepared.json").exists()
    with pytest.raises(TableError, match="its last run did not finish"):
        prepared.read(tmp_path / "out", file.read(path))
    journal.write_bytes(done + b'{"key": "half a li')  # as a crash inside a write would leave it
    (tmp_path / "out/planes/.study.left").mkdir()
    (tmp_path / "out/planes/.study.left/planes_pet.npy").write_bytes(b"half")
    assert prepare(path, bundle, tmp_path / "out") == 0 == prepare(path, bundle, tmp_path / "whole")
    assert journal.read_bytes().startswith(done) and journal.read_bytes().count(b"\n") == 4, "what was done was done again, or half a line stayed"
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")
    assert sorted(p.name for p in (tmp_path / "out/planes").iterdir()) == sorted(pathlib.Path(r["planes"]).name for r in summary(tmp_path / "out")["studies"])


@needs_images
@pytest.mark.parametrize("limit", [200_000, 100_000])  # the planes do not fit, then not even the library's own files
def test_a_full_disk_stops_the_run_and_leaves_nothing_half_written(limit, tmp_path, bundle):
    path = real(tmp_path, names=("s2", "s3"))
    command = [sys.executable, "-m", "dlnms_model", "cohort", "prepare", path, "--bundle", bundle, "--dlnms", PROGRAM, "--out", tmp_path / "out", "--quiet"]
    full = subprocess.run(command, cwd=ROOT / "model", capture_output=True, text=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert full.returncode in (1, 3) and "error" in full.stderr and "Traceback" not in full.stderr
    assert not (tmp_path / "out/prepared.json").exists() and not list((tmp_path / "out/planes").iterdir())
    assert (tmp_path / "out/journal.jsonl").read_bytes() == b"", "a full disk was taken for a bad study"
    assert prepare(path, bundle, tmp_path / "out") == 0


@needs_images
def test_a_changed_cohort_file_is_refused_until_it_is_prepared_again(tmp_path, bundle, capsys):
    path = real(tmp_path, names=("s2", "s3"))
    assert prepare(path, bundle, tmp_path / "out") == 0
    before, text = digests(tmp_path / "out"), path.read_text()
    path.write_text(text.replace("training", "external"))
    assert run("show", path, "--prepared", tmp_path / "out", "--out", tmp_path / "page") == 1
    assert "cohort.csv has changed since it was prepared" in capsys.readouterr().err and not (tmp_path / "page").exists()
    lines = (tmp_path / "out/journal.jsonl").read_bytes()
    path.write_text(text.replace("point:" + golden_center("s3"), "roi:GTV_Mass_PET"))
    assert prepare(path, bundle, tmp_path / "out") == 0
    after = digests(tmp_path / "out")
    assert after[2] == before[2] and after[3] != before[3] and (tmp_path / "out/journal.jsonl").read_bytes().count(b"\n") == 3
    assert run("show", path, "--prepared", tmp_path / "out", "--out", tmp_path / "page") == 0 and lines
    (tmp_path / "out" / summary(tmp_path / "out")["studies"][0]["planes"]).write_bytes(b"altered")
    assert run("show", path, "--prepared", tmp_path / "out", "--out", tmp_path / "page") == 1
    assert "the planes of row 2 are not as they were written" in capsys.readouterr().err
    assert prepare(path, bundle, tmp_path / "out") == 0 and digests(tmp_path / "out") == after, "altered planes are made again"


@needs_images
def test_refused_studies_are_tried_again_only_when_asked(tmp_path, bundle):
    calls = tmp_path / "calls"
    spy = write(tmp_path / "spy", "#!/bin/sh", f'echo "$1" >> {calls}', f'exec {PROGRAM} "$@"')
    spy.chmod(0o755)
    path = write(tmp_path / "c.csv", HEADER, f"a,{PAIRED}/ibsi_sts/STS_002,roi:nope,0,0")
    for more, planes in (((), 1), ((), 1), (("--retry",), 2)):
        assert prepare(path, bundle, tmp_path / "out", *more, program=str(spy)) == 4
        assert calls.read_text().split().count("planes") == planes


@needs_images
@pytest.mark.parametrize("body, code, message", [
    ("exit 3", 3, "dlnms: exit code 3"),
    ("echo 'error: cannot write planes: No space left on device (os error 28)' >&2; exit 1", 3, "No space left on device"),
    ("sleep 5", 4, "took longer than 0.3 s"),
    ("kill -9 $$", 4, "ended by signal 9"),
    ("echo 'error: internal' >&2; exit 70", 4, "a defect in dlnms: internal"),
])
def test_a_library_that_fails_stops_the_run_or_is_a_line(body, code, message, tmp_path, bundle, capsys):
    fake = write(tmp_path / "fake", "#!/bin/sh", f'case "$1" in planes) {body};; *) exec {PROGRAM} "$@";; esac')
    fake.chmod(0o755)
    path = real(tmp_path, names=("s2",))
    timeout = ("--timeout", "0.3") if "sleep" in body else ()
    if timeout:  # the headers alone may take longer than that on a busy machine
        fake.write_text(fake.read_text().replace(f'*) exec {PROGRAM} "$@"', "inspect) echo '{}';; *) exec " + PROGRAM + ' "$@"'))
    assert prepare(path, bundle, tmp_path / "out", *timeout, program=str(fake)) == code
    said = capsys.readouterr().err if code == 3 else summary(tmp_path / "out")["studies"][0]["message"]
    assert message in said


def test_without_the_program_or_with_a_bad_bundle_nothing_is_begun(tmp_path, capsys):
    path = write(tmp_path / "c.csv", HEADER, "a,s,roi:1,0,0")
    (tmp_path / "bundle").mkdir()
    assert run("prepare", path, "--bundle", tmp_path / "bundle", "--out", tmp_path / "out") == 3
    (tmp_path / "bundle/manifest.json").write_text(json.dumps({"id": "x", "version": "1", "preprocessing": {"samples": 132, "pet": {"mean": 0, "std": 1}, "ct": {"mean": 0, "std": 1}}}))
    assert run("prepare", path, "--bundle", tmp_path / "bundle", "--dlnms", tmp_path / "nothing", "--out", tmp_path / "out") == 3
    err = capsys.readouterr().err
    assert "manifest.json cannot be used" in err and "is not there: build it with `make dist`" in err and not (tmp_path / "out").exists()


@needs_images
def test_a_foreign_folder_and_a_second_run_at_once_are_refused(tmp_path, bundle, capsys):
    path = real(tmp_path, names=("s2",))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("kept")
    assert prepare(path, bundle, tmp_path / "mine") == 1 and "is not replaced" in capsys.readouterr().err
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == ["thesis.txt"]
    from dlnms_model.cohort.journal import Journal
    assert prepare(path, bundle, tmp_path / "out") == 0
    held = Journal(tmp_path / "out")
    assert prepare(path, bundle, tmp_path / "out") == 1 and "another run is preparing this folder" in capsys.readouterr().err
    held.close()


@needs_images
def test_volume_files_are_prepared_too(tmp_path, bundle):
    nifti = PAIRED / "ibsi_sts/STS_002/nifti"
    names = sorted(p.name for p in nifti.iterdir())
    ct, pet = (next(n for n in names if m in n.upper() and "MASK" not in n.upper()) for m in ("CT", "PET"))
    mask = next(n for n in names if "MASK" in n.upper() and "CT" in n.upper())
    path = write(tmp_path / "c.csv", HEADER, f"a,ct:{nifti}/{ct};pet:{nifti}/{pet},mask:{nifti}/{mask},1,0")
    assert prepare(path, bundle, tmp_path / "out") == 0
    r = summary(tmp_path / "out")["studies"][0]
    assert r["identity"]["source"] == "volumes" and set(r["identity"]["content"]) == {"ct", "pet"}
    golden = np.load(SHARED / "golden/sts_002_ct.npy")
    assert np.abs(prepared.read(tmp_path / "out", file.read(path)).planes(0)[1] - golden).max() < 0.05  # the mask's own centroid, a few micrometres off


# ---------------------------------------------------------------- leak checks, page


@needs_images
def test_one_patient_in_two_rows_is_found_whatever_the_rows_call_him(tmp_path, bundle, capsys):
    (tmp_path / "copy").symlink_to(PAIRED / "ibsi_sts/STS_002")
    x, y, z = map(float, golden_center("s2").split(","))
    path = real(tmp_path, f'Zoltan,copy,"point:{x + 0.4},{y},{z}",0,1,training', names=("s1", "s2"))
    path.write_text(path.read_text().replace("0,1,training\nZoltan", "0,1,external\nZoltan"))
    assert prepare(path, bundle, tmp_path / "out") == 0
    assert run("show", path, "--prepared", tmp_path / "out", "--out", tmp_path / "page") == 1
    assert "error: rows 3 and 4: the same patient, by the DICOM header" not in capsys.readouterr().err, "--quiet is quiet"
    found = json.loads((tmp_path / "page/cohort.json").read_text())["leaks"]
    assert [(f["kind"], f["rows"]) for f in found["same"]] == [(kind, [3, 4]) for kind in ("patient", "study", "series", "instances")]
    assert found["same"][0]["splits"] == ["external", "training"]
    assert {(f["modality"], tuple(f["rows"])) for f in found["near"]} == {("pet", (3, 4)), ("ct", (3, 4))} and min(f["correlation"] for f in found["near"]) > 0.995
    with pytest.raises(TableError, match="cohort.csv, rows 3 and 4: the same patient"):
        leaks.refuse(prepared.read(tmp_path / "out", file.read(path)))
    text = (tmp_path / "page/cohort.html").read_text()
    assert "rows share a patient or images" in text and text.count("<img") == 3 and not re.search(r'(src|href)="(?!data:)|url\(|@import|<script', text)
    assert "Zoltan" not in text and "1.3.6.1" not in text, "a patient or a UID is on the page"


def made_prepared(tmp_path, n, scanner, seed=0):
    """A prepared cohort without planes: labels at random, `scanner` of (label, random) -> name."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.4
    path = write(tmp_path / "made.csv", HEADER + ",site", *(f"p{i},s{i},,{int(v)},0,{'north' if rng.random() < 0.5 else 'south'}" for i, v in enumerate(y)))
    records = [{"row": i + 2, "status": "refused", "identity": {"pet": {"scanner": scanner(v, rng.random()), "pixel_mm": float(4 + v + rng.normal()), "date": "2001-02-03"}}} for i, v in enumerate(y)]
    return prepared.Prepared(tmp_path, file.read(path), {}, records)


def test_a_scanner_that_tells_the_label_is_said_and_chance_is_not(tmp_path):
    checks = leaks.check(made_prepared(tmp_path, 300, lambda v, u: "A" if (v if u < 0.8 else not v) else "B"), ["n1", "n2"])
    alone = checks["alone"]["n1"]
    assert alone["PET scanner"]["tells"] and 0.72 < alone["PET scanner"]["auroc"] < 0.88 and alone["PET scanner"]["p"] < 1e-6
    assert alone["PET pixel"]["tells"] and alone["PET pixel"]["auroc"] > 0.65
    assert not alone["site"]["tells"] and alone["date"]["refused"] == "refused: the same everywhere" and "n2" not in checks["alone"]
    told = [leaks.check(made_prepared(tmp_path, 300, lambda v, u: f"scanner {int(u * 40)}", seed), ["n1"])["alone"]["n1"]["PET scanner"] for seed in range(20)]
    assert sum(t["tells"] for t in told) <= 3 and abs(np.mean([t["auroc"] for t in told]) - 0.5) < 0.05, "forty scanners at random must not look telling"


def test_the_contact_sheet_shows_the_planes():
    planes = np.zeros((2, 3, 112, 112), np.float32)
    planes[0, 0, :56], planes[1, 2] = 20, 2000
    scale = {"ct": {"mean": 0.0, "std": 1.0}, "pet": {"mean": 0.0, "std": 1.0}}
    content = contact_sheet.picture(planes, scale)
    assert content.startswith(b"\x89PNG") and contact_sheet.url(content).startswith("data:image/png;base64,")
    import struct
    import zlib
    width, height = struct.unpack(">II", content[16:24])
    size = struct.unpack(">I", content[33:37])[0]
    pixels = np.frombuffer(zlib.decompress(content[41:41 + size]), np.uint8).reshape(height, width + 1)[:, 1:]
    assert (width, height) == (168, 112) and pixels[70, 10] == 0 and pixels[100, 10] == 255 and pixels[10, 150] == 255 and pixels[10, 10] == round(255 * 1000 / 1400)


# ---------------------------------------------------------------- Table 1


@needs_truth
def test_table_1_of_the_paper_with_its_tests(tmp_path):
    """Each categorical row of the paper's Table 1 as a cohort with the paper's counts: p as R gives it, and as printed."""
    t = json.loads((TRUTH / "table1_tests.json").read_text())
    counts = {"internal": 1911, "external": 355, "prospective": 999}
    rows = {"age": ("age", ("70", "60")), "sex": ("sex", ("male", "female")), "type": ("type", ("solid", "subsolid")), "left": ("side", ("left", "right")),
            "central": ("central", ("1", "0")), "n1": ("n1", ("1", "0")), "n2": ("n2", ("1", "0")), "smoke": ("smoking", ("ever", "never")),
            "surg": ("procedure", ("sublobectomy", "lobectomy", "pneumonectomy")), "path": ("histology", ("adenocarcinoma", "squamous", "others"))}
    second = lambda key: f"{key}b" if key in ("n1", "n2") else f"{key}2"
    cells = {"patient": [f"p{i}" for i in range(3265)], "study": [""] * 3265, "tumour": [""] * 3265, "split": [g for g, n in counts.items() for _ in range(n)]}
    for key, (column, levels) in rows.items():
        (internal, external), (again, prospective) = t[key]["table"], t[second(key)]["table"]
        assert internal == again
        cells[column] = [v for row in (internal, external, prospective) for v, n in zip(levels, row) for _ in range(n)]
    path = write(tmp_path / "paper.csv", ",".join(cells), *(",".join(r) for r in zip(*cells.values())))
    table = table_one.table(file.read(path))
    variables = {v["name"]: v for v in table["variables"]}
    printed = {"sex": "0.949 0.985", "smoking": "0.986 0.858", "type": "0.166 0.071", "procedure": "0.993 0.852", "side": "0.097 0.054", "central": "0.189 0.317",
               "n1": "0.807 0.930", "n2": "0.291 0.819", "histology": "0.764 0.566"}
    for key, (column, _) in rows.items():
        tests = variables["age, 65 years" if column == "age" else column]["tests"]
        for group, name in (("external", key), ("prospective", second(key))):
            assert tests[group]["test"] == ("chi2_small" if (key, group) == ("surg", "external") else "chi2") and tests[group]["p"] == pytest.approx(t[name]["chisq"], rel=1e-9)
        assert column not in printed or " ".join(f"{tests[g]['p']:.3f}" for g in ("external", "prospective")) == printed[column]
    assert variables["age, 65 years"]["tests"]["external"]["p"] < 0.001 and f"{variables['age, 65 years']['tests']['prospective']['p']:.3f}" == "0.001"
    male = next(r for r in variables["sex"]["rows"] if r["level"] == "male")["groups"]
    assert [table_one.text("count", male[g]) for g in counts] == ["917 (47.99)", "171 (48.17)", "479 (47.95)"]
    assert run("show", path, "--out", tmp_path / "page") == 0
    lines = list(csv.reader((tmp_path / "page/table1.csv").open()))
    assert lines[0][:5] == ["variable", "level", "internal", "external", "prospective"] and float(next(r for r in lines if r[0] == "sex")[5]) == pytest.approx(t["sex"]["chisq"])
    assert "1911" in (tmp_path / "page/cohort.html").read_text()


@needs_truth
def test_numbers_of_table_1_are_tested_as_in_R(tmp_path):
    t = json.loads((TRUTH / "aSAH_tests.json").read_text())
    rows = list(csv.DictReader((TRUTH / "aSAH.csv").open()))
    path = write(tmp_path / "c.csv", HEADER + ",split,age,x_s100b", *(f"p{i},s{i},,0,0,{r['outcome']},{r['age']},{r['s100b']}" for i, r in enumerate(rows)))
    variables = {v["name"]: v for v in table_one.table(file.read(path))["variables"]}
    other = list(variables["age"]["rows"][0]["tests"])[0]
    assert variables["age"]["rows"][0]["tests"][other]["p"] == pytest.approx(t["student"], rel=1e-9)
    assert variables["x_s100b"]["rows"][1]["tests"][other]["p"] == pytest.approx(t["mwu_corr"], rel=1e-9)


def test_table_1_counts_what_is_not_known_and_refuses_a_gap_in_its_own_column(tmp_path, capsys):
    path = write(tmp_path / "c.csv", HEADER + ",split,sex,age", "a,s,,0,0,x,male,60", "b,t,,1,,x,,70", "c,u,,0,1,y,female,")
    table = table_one.table(file.read(path))
    variables = {v["name"]: v for v in table["variables"]}
    assert variables["sex"]["missing"] == {"x": 1, "y": 0} and variables["n2"]["missing"] == {"x": 1, "y": 0} and variables["age"]["missing"] == {"x": 0, "y": 1}
    assert variables["age"]["rows"][0]["groups"]["y"] is None and variables["sex"]["tests"]["y"]["test"] == "fisher"
    assert "&lt;=65" in page.page(file.read(path), table)
    path.write_text(path.read_text().replace("0,1,y,", "0,1,,"))
    assert run("show", path, "--out", tmp_path / "page") == 1 and "row 4, column split: no value" in capsys.readouterr().err
    assert run("show", path, "--by", "nothing", "--out", tmp_path / "page") == 1 and "there is no column 'nothing'" in capsys.readouterr().err


# ---------------------------------------------------------------- the recipe for NSCLC Radiogenomics

TABLES = SHARED / "data/cohort/nsclc_radiogenomics"
CLINICAL, SERIES = TABLES / "NSCLCR01Radiogenomic_DATA_LABELS_2018-05-22_1500-shifted.csv", TABLES / "nsclc_radiogenomics_series_idc25.csv"
needs_tables = pytest.mark.skipif(not TABLES.is_dir() and not REQUIRED, reason=f"SKIPPED LOUDLY: no clinical table at {TABLES}")


def recipe(out, *more, clinical=CLINICAL, series=SERIES):
    return run("radiogenomics", "--clinical", clinical, "--series", series, "--out", out, *more)


def rows_of(path):
    return list(csv.DictReader(path.open()))


@needs_tables
def test_the_real_clinical_table_becomes_a_cohort_of_162(tmp_path):
    assert recipe(tmp_path / "out") == 0
    flow = json.loads((tmp_path / "out/flow.json").read_text())
    assert [s["n"] for s in flow["flow"]] == [211, 162, 153] and flow["stages"]["cohort.csv"] == {"N0": 129, "N1": 15, "N2": 18}
    excluded = {e["why"]: e["n"] for e in flow["flow"][2]["excluded"]}
    assert flow["flow"][1]["excluded"] == [{"n": 49, "why": "pathological N stage not collected"}] and sum(excluded.values()) == 162 - 153
    assert list(excluded) == ["distant metastasis (M1)", "several PET series, and nothing tells which", "no axial CT in the PET's study"] and excluded["distant metastasis (M1)"] == 5
    cohort = file.read(tmp_path / "out/cohort.csv")
    n1, n2 = ([cohort.cell(c, i) for i in range(162)] for c in ("n1", "n2"))
    assert (n1.count("1"), n1.count("0"), n1.count("")) == (15, 129, 18) and (n2.count("1"), n2.count("0")) == (18, 144)
    assert any("clinical N stage" in t for t in flow["labels_not_given"]) and any("N2 does not say" in t for t in flow["labels_not_given"])
    lines = rows_of(tmp_path / "out/cohort.csv")
    assert sum(r["os_event"] == "1" for r in lines) == 42 and flow["notes"]["the date of death and Time to Death contradict each other (counted from surgery)"] == 15
    eligible = rows_of(tmp_path / "out/eligible.csv")
    assert [r["patient"] for r in eligible] == [r["patient"] for r in lines if not r["x_excluded"]] and len(eligible) == 153
    chart = (tmp_path / "out/flow.html").read_text()
    assert "211" in chart and "49: pathological N stage not collected" in chart and not re.search(r"(src|href)=|<script", chart)
    readme = (tmp_path / "out/README.txt").read_text()
    assert "download_from_selection(seriesInstanceUID=series, downloadDir='images')" in readme and "{" not in readme


@needs_tables
def test_every_chosen_series_is_in_the_list_and_no_uncorrected_one_is_chosen(tmp_path):
    assert recipe(tmp_path / "out", "--max-pet-ct-days", "60", "--max-surgery-days", "120", "--images", "data") == 0
    listed = {r["SeriesInstanceUID"]: r for r in rows_of(SERIES)}
    chosen = (tmp_path / "out/series.txt").read_text().split()
    eligible = rows_of(tmp_path / "out/eligible.csv")
    assert len(set(chosen)) == len(chosen) and {listed[u]["Modality"] for u in chosen} == {"PT", "CT", "SEG"}
    pets = [listed[u]["SeriesDescription"] for u in chosen if listed[u]["Modality"] == "PT"]
    assert len(pets) == len(eligible) == 130 and not [d for d in pets if "NAC" in d or "NO_AC" in d or "Uncorrected" in d or d.startswith(("COR", "SAG"))]
    for r in eligible:
        pet, ct = listed[r["pet_series"]], [p for p in r["study"].split(";") if "/CT_" in p]
        assert pet["PatientID"] == r["patient"] and ct and all(f"/{pet['StudyInstanceUID']}/" in p and p.startswith("data/nsclc_radiogenomics/" + r["patient"]) for p in r["study"].split(";"))
    assert len(json.loads((tmp_path / "out/flow.json").read_text())["flow"][2]["excluded"]) == 5


@needs_tables
def test_the_availability_of_the_images_agrees_with_an_independent_count(tmp_path):
    assert recipe(tmp_path / "out") == 0
    known = {r["PatientID"]: r for r in rows_of(TABLES / "nsclc_radiogenomics_162_availability.csv")}
    for r in rows_of(tmp_path / "out/cohort.csv"):
        k = known[r["patient"]]
        assert k["pathological_N"] == r["x_pathological_n"] and k["pet_studies"] == "1"
        if k["pet_study_has_ct"] == "False":
            assert "no axial CT" in r["x_excluded"]
        if r["study"]:
            assert ("/SEG_" in r["study"]) == (k["bamf_fdg_seg_in_pet_study"] == "True")


@needs_tables
def test_other_files_are_refused_by_the_recipe(tmp_path, capsys):
    assert recipe(tmp_path / "out", clinical=SERIES) == 1 and "there is no column 'Patient affiliation'; is this the right file?" in capsys.readouterr().err
    assert recipe(tmp_path / "out", series=CLINICAL) == 1 and "there is no column 'PatientID'" in capsys.readouterr().err
    assert recipe(tmp_path / "out", "--max-surgery-days", "-1") == 1 and "no patient is left" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------- scores


@needs_images
def test_scores_through_the_library_carry_the_bundle_and_join_the_cohort(tmp_path, bundle, capsys):
    runtime = next((p for p in (os.environ.get("DLNMS_ONNXRUNTIME"), ROOT / "target/onnxruntime") if p and pathlib.Path(p).exists()), None)
    assert runtime or not REQUIRED
    if not runtime:
        pytest.skip("SKIPPED LOUDLY: no ONNX Runtime at target/onnxruntime (make dist)")
    path = real(tmp_path, f"wrong,{PAIRED}/ibsi_sts/STS_001/CT;{PAIRED}/ibsi_sts/STS_001/PET,roi:nope,0,0,external", names=("acrin", "s2"))
    os.environ["DLNMS_ONNXRUNTIME"] = str(runtime)
    assert run("score", path, "--bundle", bundle, "--dlnms", PROGRAM, "--out", tmp_path / "scores.csv") == 4
    rows = rows_of(tmp_path / "scores.csv")
    direct = subprocess.run([PROGRAM, "score", "--bundle", bundle, "--json", "-", f"--center={golden_center('acrin')}", "--ct", PAIRED / "acrin042/ct", "--pet", PAIRED / "acrin042/pet_ac"],
                            check=True, capture_output=True)
    direct = json.loads(direct.stdout)
    assert [r["patient"] for r in rows] == ["acrin", "s2"] and {h: float(rows[0][f"score_{h}"]) for h in direct["heads"]} == direct["heads"]
    assert float(rows[0]["measured_suvmax"]) == direct["pet_metrics"]["suv_max"] and rows[0]["model_sha256"] == direct["model"]["manifest_sha256"] and rows[0]["model"] == "dlnms-tiny 1.0.0"
