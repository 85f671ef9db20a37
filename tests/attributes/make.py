"""Writes COUNT randomly edited studies into OUT, with what each is worth: python make.py COUNT SEED OUT

OUT/N/ holds the files of study N; OUT/expected.jsonl a line for each: the edit, and the values or why there are none."""

import json
import random
import sys
from pathlib import Path

import pydicom

import edits
import oracle
import study

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE


def expectation(folder):
    try:
        values, flagged = oracle.value_of(folder)
        return {"values": values, "flagged": flagged}
    except oracle.Refused as why:
        return {"refused": str(why)}


def main(count, seed, out):
    out.mkdir(parents=True)
    with open(out / "expected.jsonl", "w", encoding="utf-8") as lines:
        for n in range(count):
            rng = random.Random(f"{seed}/{n}")
            recipe = study.RECIPES[n % len(study.RECIPES)]
            made = study.make(recipe, seed=n % 97)
            # The first of each recipe stays as it is: the studies are valid, and their own findings are no alarm.
            edit = edits.draw(rng, made) if n >= len(study.RECIPES) else edits.Edit("", "nothing", "", -1, True)
            study.write(made, out / str(n), implicit=n % 5 == 0)
            line = {"study": n, "recipe": recipe, "edit": vars(edit), **expectation(out / str(n))}
            lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
