"""Time to read and decode a PET/CT study: this library beside pydicom, GDCM and dcmtk, in one run.

    python benches/peers/read_dicom.py STUDY/ct STUDY/pet

needs pydicom, pyjpegls, pylibjpeg and python-gdcm, and dcmtk's programs on the PATH (what is not there is left out).
This library is timed as a whole process: `dlnms planes` starts, reads, chooses, checks, decodes, samples, writes.
dcmtk too, one process for each file. Files are dropped from the page cache before each reading where the system lets us
(Linux, posix_fadvise).
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def drop_from_cache(files):
    os.sync()
    for file in files:
        with open(file, "rb") as f:
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def with_pydicom(files):
    import pydicom

    for file in files:
        pydicom.dcmread(file).pixel_array


def with_gdcm(files):
    import gdcm

    for file in files:
        reader = gdcm.ImageReader()
        reader.SetFileName(str(file))
        assert reader.Read(), file
        reader.GetImage().GetBuffer()


def with_dcmtk(files):
    program = shutil.which("dcmdjpls")
    if program is None:
        raise ImportError("dcmdjpls")
    for file in files:
        subprocess.run([program, str(file), os.devnull], check=True, stderr=subprocess.DEVNULL)


def with_dlnms(_):
    ct, pet = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [ROOT / "target/dist/bin/dlnms", "planes", "--bundle", ROOT / "target/bundle", "--ct", ct, "--pet", pet,
             "--center=0,0,-100", "--out", f"{out}/p"], check=True, stdout=subprocess.DEVNULL)


def main():
    files = sorted(p for folder in sys.argv[1:3] for p in pathlib.Path(folder).rglob("*") if p.is_file())
    print(f"{len(files)} files, {sum(f.stat().st_size for f in files) / 1e6:.1f} MB, best of 3")
    times = {}
    for name, read in [("pydicom", with_pydicom), ("gdcm", with_gdcm), ("dcmtk", with_dcmtk), ("dlnms", with_dlnms)]:
        try:
            for _ in range(3):
                drop_from_cache(files)
                start = time.perf_counter()
                read(files)
                times[name] = min(times.get(name, 1e9), time.perf_counter() - start)
        except ImportError as missing:
            print(f"{name:8} left out: {missing}")
            continue
        print(f"{name:8} {times[name]:.3f} s")
    peers = [t for name, t in times.items() if name != "dlnms"]
    if peers:
        print(f"dlnms / fastest peer: {times['dlnms'] / min(peers):.2f}")


main()
