"""The copy of the crate: written, checked until it compiles, built."""

import json
import os
import shutil
import subprocess
import sys

import schemata

# What the copy of the crate consists of; the rest of the checkout it finds by links.
LINKED = ["tests", "benches", "include", "cpp-example", "model", "docs", "README.md"]
# The call cannot stand there: the mutant may be sound, so cargo-mutants has to try it.
CONSTANT = {"E0015", "E0658", "E0010"}


def _outermost(span):
    """Where a span in a macro's expansion was written."""
    while span["expansion"]:
        span = span["expansion"]["span"]
    return span


class Copy:
    """The crate with all its mutants, under target/mutants/crate."""

    def __init__(self, root, sources, regions):
        self.root, self.sources, self.regions = root, sources, regions
        self.path = root / "target/mutants/crate"
        self.rendered = {}
        self._prepare()

    def _prepare(self):
        self.path.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.path / "src", ignore_errors=True)
        shutil.copytree(self.root / "src", self.path / "src")
        for name in ("Cargo.toml", "Cargo.lock", "build.rs"):
            shutil.copy2(self.root / name, self.path / name)
        for name in LINKED + ["target"]:
            link = self.path / name
            link.unlink(missing_ok=True)
            link.symlink_to(self.root / name)
        lib = self.path / "src/lib.rs"
        text = lib.read_text()
        first = text.index("\nmod ")
        lib.write_text("#![allow(warnings, clippy::all)]\n" + text[:first] + "\npub mod mutants_switch;" + text[first:])
        shutil.copy2(self.root / "tests/mutants/switch.rs", self.path / "src/mutants_switch.rs")

    def write(self):
        """Writes the files whose text changed."""
        for file, regions in self.regions.items():
            rendered = schemata.Rendered(self.sources[file], regions)
            old = self.rendered.get(file)
            if old is None or old.text != rendered.text:
                (self.path / file).write_text(rendered.text)
            self.rendered[file] = rendered

    def _cargo(self, *arguments):
        environment = dict(os.environ, CARGO_TARGET_DIR=str(self.root / "target"), CARGO_INCREMENTAL="1")
        done = subprocess.run(["cargo", *arguments, "--locked", "--message-format=json"], cwd=self.path, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return done, messages

    def make_viable(self):
        """Leaves out what does not compile, until the copy does."""
        turn = 0
        while True:
            self.write()
            done, messages = self._cargo("check", "--lib")
            if done.returncode == 0:
                return
            turn += 1
            errors = [m["message"] for m in messages if m["reason"] == "compiler-message" and m["message"]["level"] == "error"]
            blamed = sum(self._blame(error) for error in errors)
            print(f"check {turn}: {len(errors)} errors, {blamed} mutants left out", file=sys.stderr)
            if not blamed:
                sys.exit("\n".join(e["rendered"] for e in errors[:5]) or done.stderr)

    def _blame(self, error):
        """Leaves out the mutants that an error speaks of; returns their number."""
        code = (error["code"] or {}).get("code", "")
        spans = [_outermost(s) for s in sorted(error["spans"], key=lambda s: not s["is_primary"])]
        places = [self.rendered[s["file_name"]].at(s["byte_start"], s["byte_end"]) for s in spans if s["file_name"] in self.rendered]
        mutants = [p for p in places if isinstance(p, schemata.Mutant)]
        if mutants and code not in CONSTANT:
            mutants[0].left_out = mutants[0].left_out or f"unviable: {code} {error['message'].splitlines()[0]}"
            return 1
        regions = [p for p in places if p is not None]
        if not regions:
            return 0
        blamed = [m for m, _ in regions[0].texts] if isinstance(regions[0], schemata.Region) else [regions[0]]
        for mutant in blamed:
            mutant.left_out = mutant.left_out or f"apart: {code} {error['message'].splitlines()[0]}"
        return len(blamed)

    def build(self, targets):
        """Builds the test programs of these targets; returns their paths by target."""
        done, messages = self._cargo("test", "--no-run", *targets)
        if done.returncode != 0:
            errors = [m["message"]["rendered"] for m in messages if m["reason"] == "compiler-message" and m["message"]["level"] == "error"]
            sys.exit("\n".join(errors[:5]) or done.stderr)
        return {m["target"]["name"]: m["executable"] for m in messages
                if m["reason"] == "compiler-artifact" and m["executable"] and m["profile"]["test"]}
