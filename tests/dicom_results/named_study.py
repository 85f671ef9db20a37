"""Copies a study with another patient's name in another character set: python named_study.py STUDY OUT japanese|chinese|cyrillic."""

import sys
from pathlib import Path

import pydicom

# Names of PS3.5, annexes H, J and K, and one in Cyrillic, each with an escape sequence, two-byte characters or a single-byte set.
NAMES = {
    "japanese": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "chinese": ("GB18030", "Wang^XiaoDong=王^小东="),
    "cyrillic": ("ISO_IR 144", "Люксембург"),
}


def main():
    study, out, language = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    character_set, name = NAMES[language]
    out.mkdir(parents=True)
    for n, path in enumerate(sorted(p for p in study.rglob("*.dcm"))):
        ds = pydicom.dcmread(path)
        ds.SpecificCharacterSet, ds.PatientName = character_set, name
        ds.InstitutionName = "Secret Hospital"  # must not be copied
        ds.save_as(out / f"{n:04}.dcm")


main()
