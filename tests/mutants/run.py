#!/usr/bin/env python3
"""Do the tests notice a wrong line in what computes numbers?

cargo-mutants lists the mutants (.cargo/mutants.toml says of which files), but compiles the crate anew for each, which takes
more than a day. This program writes all of them into one copy of the crate, behind a switch that an environment variable
sets, leaves out what does not compile, builds once, and runs each mutant against the tests that reach it:

  target/mutants/crate          the copy
  target/mutants/results.json   each mutant with its verdict, the test that noticed it, or why it is not viable
  target/mutants/survivors.txt  the mutants that no test noticed

Verdicts: caught (a test fails), timeout (a test takes more than ten times its time and 5 s), missed, unviable (it does not
compile), apart (it would compile, but not behind a switch: `--apart` tries these with cargo-mutants, one build each).
The share is (caught + timeout) / (caught + timeout + missed)."""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time
import tomllib

import build
import rust_source
import schemata
import trial

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "target/mutants"
def test_arguments():
    """Arguments of `cargo test` that choose the programs, and parts of the names of the tests: as cargo-mutants has them."""
    chosen = tomllib.loads((ROOT / ".cargo/mutants.toml").read_text())["additional_cargo_test_args"]
    middle = chosen.index("--")
    return chosen[:middle], chosen[middle + 1:]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def listed_mutants(arguments):
    command = ["cargo", "mutants", "--list", "--json"]
    for file in arguments.file:
        command += ["--file", file]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("cargo-mutants is missing: cargo install cargo-mutants --locked")
    return json.loads(done.stdout)


def earlier_verdicts():
    """What earlier runs found, by key; the latest word counts."""
    try:
        lines = (OUT / "verdicts.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {row["key"]: (row["verdict"], row["by"]) for row in map(json.loads, lines)}


def try_mutants(mutants, trials, jobs, earlier):
    """Verdict of each mutant by its key. Each is written down at once, so that `--again` goes on after an interruption."""
    verdicts = {m.key: earlier[m.key] for m in mutants if m.key in earlier}
    waiting = [m for m in mutants if m.key not in verdicts]
    lock, began = threading.Lock(), time.monotonic()
    with open(OUT / "verdicts.jsonl", "a" if earlier else "w") as log, concurrent.futures.ThreadPoolExecutor(jobs) as pool:

        def one(mutant):
            verdict, by = trials.run(mutant)
            with lock:
                verdicts[mutant.key] = (verdict, by)
                log.write(json.dumps({"key": mutant.key, "name": mutant.name, "verdict": verdict, "by": by}) + "\n")
                log.flush()
                if len(verdicts) % 100 == 0:
                    counts = collections.Counter(v for v, _ in verdicts.values())
                    say(f"{len(verdicts)} of {len(mutants)} mutants, {dict(counts)}, {time.monotonic() - began:.0f} s")

        list(pool.map(one, waiting))
    return verdicts


def report(mutants, verdicts, tests):
    """Writes the results; prints the counts of each file."""
    rows, counts = [], collections.defaultdict(collections.Counter)
    for m in mutants:
        verdict, by = verdicts.get(m.key, ("not drawn", []))
        why = ""
        if m.left_out:
            verdict, why = m.left_out.split(": ", 1)
            by = []
        rows.append({"name": m.name, "file": m.file, "function": m.function, "genre": m.genre, "key": m.key,
                     "number": m.number, "verdict": verdict, "by": by, "why": why})
        counts[m.file][verdict] += 1
        counts["all"][verdict] += 1
    order = ("caught", "timeout", "missed", "unviable", "apart", "not drawn")
    print(f"{'file':48}" + "".join(f"{v:>10}" for v in order) + "    share")
    for file in sorted(counts, key=lambda f: (f == "all", f)):
        c = counts[file]
        noticed = c["caught"] + c["timeout"]
        share = f"{100 * noticed / (noticed + c['missed']):8.1f}%" if noticed + c["missed"] else ""
        print(f"{file:48}" + "".join(f"{c[v]:10}" for v in order) + share)
    (OUT / "results.json").write_text(json.dumps({"counts": counts, "mutants": rows,
        "tests": [{"name": t.name, "seconds": round(t.seconds, 3), "passed": t.passed} for t in tests]}, indent=1))
    (OUT / "survivors.txt").write_text("".join(r["name"] + "\n" for r in rows if r["verdict"] == "missed"))


def try_apart(mutants, verdicts):
    """Tries what has no place behind a switch with cargo-mutants: a build each."""
    apart = [m for m in mutants if m.left_out and m.left_out.startswith("apart")]
    for m in apart:
        say(f"apart: {m.name}")
        subprocess.run(["cargo", "mutants", "--baseline", "skip", "--timeout", "600", "--file", m.file, "--re",
                        f"^{re.escape(m.name)}$", "--output", str(OUT)], cwd=ROOT, stdout=subprocess.DEVNULL)
        done = json.loads((OUT / "mutants.out/outcomes.json").read_text())
        word = {"CaughtMutant": "caught", "MissedMutant": "missed", "Timeout": "timeout", "Unviable": "unviable"}
        found = [word[o["summary"]] for o in done["outcomes"] if o["scenario"] != "Baseline"]
        if found and found[0] == "unviable":
            m.left_out = "unviable: as cargo-mutants found"
        elif found:
            m.left_out = None
            verdicts[m.key] = (found[0], ["cargo-mutants"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", action="append", default=[], help="only mutants of this file; may be repeated")
    parser.add_argument("--again", action="store_true",
                        help="take over what earlier runs caught in functions that have not changed since; run the rest")
    parser.add_argument("--continue", action="store_true", dest="resume",
                        help="go on with an interrupted run: take over what was missed, too")
    parser.add_argument("--sample", type=int, metavar="N", help="only N of the mutants that compile, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of --sample (1)")
    parser.add_argument("--slowest", type=float, default=900, metavar="S",
                        help="leave out tests that take longer; --again then runs all tests on what was missed (900)")
    parser.add_argument("--jobs", type=int, default=2, help="test processes at a time (2)")
    parser.add_argument("--apart", action="store_true", help="try the mutants that have no place behind a switch, too")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    scratch = OUT / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)

    listed = listed_mutants(arguments)
    sources = {file: rust_source.Source((ROOT / file).read_text()) for file in {m["file"] for m in listed}}
    mutants = schemata.load(listed, sources)
    regions = schemata.place(mutants, sources)
    say(f"{len(mutants)} mutants in {len(sources)} files")
    copy = build.Copy(ROOT, sources, regions)
    copy.make_viable()
    live = [m for m in mutants if m.left_out is None]
    say(f"{len(live)} mutants compile; building")
    targets, topics = test_arguments()
    programs = copy.build(targets)
    # The copy is built where the checkout is: cargo would take its programs for those of the checkout.
    os.utime(ROOT / "src/lib.rs")
    runner = trial.Runner(copy.path, scratch)
    tests = [trial.Test(program, name) for program in programs.values() for name in runner.names(program)
             if any(topic in name for topic in topics)]
    say(f"{len(tests)} tests in {len(programs)} programs")
    reaching = trial.baseline(runner, tests, arguments.jobs, arguments.slowest, say)
    slow = [t for t in tests if t.slow]
    if slow:
        say(f"{len(slow)} tests take more than {arguments.slowest:g} s and are left out")
    for test in tests:
        if not test.passed and not test.slow:
            say(f"*** fails without a mutant and is left out: {test.name} ***")
    say(f"{sum(t.seconds for t in tests):.0f} s of tests; {len(live) - sum(m.number in reaching for m in live)} mutants are not reached")
    earlier = earlier_verdicts() if arguments.again or arguments.resume else {}
    if not arguments.resume:
        earlier = {key: found for key, found in earlier.items() if found[0] != "missed"}
    if arguments.sample:
        live = random.Random(arguments.seed).sample(live, min(arguments.sample, len(live)))
    verdicts = try_mutants(live, trial.Trials(runner, reaching), arguments.jobs, earlier)
    if arguments.apart:
        try_apart(mutants, verdicts)
    report(mutants, verdicts, tests)


if __name__ == "__main__":
    main()
