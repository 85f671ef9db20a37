"""All mutants in one source: each region holds its own text and that of its mutants, and chooses while it runs."""

import hashlib
from dataclasses import dataclass, field

import rust_source

SWITCH = "crate::mutants_switch::active"
# What stands around the text of a mutant and around the source's own.
CHOICES = {
    "value": (("(", ")"), ("(", ")")),
    "iterator": (("crate::mutants_switch::Choice::Changed(Box::new(", "))"), ("crate::mutants_switch::Choice::Own({ ", " })")),
}


@dataclass
class Mutant:
    """One mutant as cargo-mutants lists it."""

    name: str
    file: str
    function: str
    genre: str
    start: int
    end: int
    replacement: str
    function_span: tuple
    key: str = ""
    number: int = 0
    # None while nothing speaks against it; else why it is not in the copy: "unviable: ..." or "apart: ...".
    left_out: str = None


@dataclass
class Region:
    """A span of the source and what stands in its place for each mutant."""

    start: int
    end: int
    kind: str  # "value", "field" (a value without its name), "iterator", "body" or "arm"
    texts: list = field(default_factory=list)  # (mutant, text)


def load(listed, sources):
    """Mutants of `cargo mutants --list --json`, with offsets into the sources. Equal keys are equal mutants in unchanged functions."""
    mutants = []
    for m in listed:
        source = sources[m["file"]]
        start, end = (source.offset(m["span"][k]) for k in ("start", "end"))
        function = m.get("function")
        span = (start, end)
        if function:
            span = tuple(source.offset(function["span"][k]) for k in ("start", "end"))
        mutant = Mutant(m["name"], m["file"], function["function_name"] if function else "", m["genre"], start, end,
                        m["replacement"], span)
        text = source.text[span[0]:span[1]]
        identity = [m["file"], mutant.function, m["genre"], start - span[0], end - span[0], m["replacement"], text]
        mutant.key = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
        mutants.append(mutant)
    return mutants


def _region(mutant, source):
    """Where the mutant is decided, and its text there."""
    text = source.text
    if mutant.genre in ("BinaryOperator", "UnaryOperator"):
        start, end = source.operator_expression(source.token_at(mutant.start))
        changed = text[start:mutant.start] + mutant.replacement + text[mutant.end:end]
        return (start, end, "value"), changed
    if mutant.genre == "MatchArmGuard":
        return (mutant.start, mutant.end, "value"), mutant.replacement
    if mutant.genre == "FnValue":
        head = text[mutant.function_span[0]:mutant.start]
        if "-> impl" in " ".join(head.split()):
            if "-> impl Iterator" not in " ".join(head.split()) or " return " in text[mutant.start:mutant.end]:
                raise rust_source.Unplaced("`impl Trait` is one type")
            return (mutant.start, mutant.end, "iterator"), mutant.replacement
        return (mutant.start, mutant.start, "body"), mutant.replacement
    if mutant.genre == "MatchArm":
        arrow, guard = source.arm_arrow(mutant.start)
        if guard is None:
            return (source.start[arrow], source.start[arrow], "arm"), ""
        return (source.start[guard + 1], source.end[arrow - 1], "arm"), ""
    if mutant.genre == "StructField":
        return _field(mutant, source)
    raise rust_source.Unplaced(f"genre {mutant.genre}")


def _field(mutant, source):
    """A field of `Struct { field: value, ..base }`: deleted, it has the base's value."""
    first = source.token_at(mutant.start)
    name, i = source.tok[first], first
    while source.tok[i] not in ("..", "}"):
        i = source.partner[i] + 1 if source.tok[i] in rust_source.PAIRS else i + 1
    if source.tok[i] == "}":
        raise rust_source.Unplaced("a field without a base")
    close = next(j for j in range(i, len(source.tok)) if source.partner.get(j, j) < first)
    base = source.text[source.end[i]:source.start[close]].strip().rstrip(",")
    if source.tok[first + 1] != ":":
        return (source.start[first], source.end[first], "field"), f"({base}).{name}"
    end = first + 2
    while source.tok[end] not in (",", "}"):
        end = source.partner[end] + 1 if source.tok[end] in rust_source.PAIRS else end + 1
    return (source.start[first + 2], source.end[end - 1], "value"), f"({base}).{name}"


def _uses(mutant, source):
    """Where a private constant of the file is used, and its changed value."""
    text, i = source.text, source.token_at(mutant.start)
    while source.tok[i] not in ("const", ";"):
        i -= 1
    visible = source.tok[i - 1] in ("pub", ")")
    if source.tok[i] != "const" or visible:
        raise rust_source.Unplaced("a constant that other files use")
    name, end = source.tok[i + 1], i
    while source.tok[end] != ";":
        end = source.partner[end] + 1 if source.tok[end] in rust_source.PAIRS else end + 1
    declared = text[source.end[i + 1]:mutant.start] + mutant.replacement + text[mutant.end:source.end[end]]
    changed = f"{{ const MUTANT{declared} MUTANT }}"
    uses = [j for j, t in enumerate(source.tok) if t == name and source.kind[j] == "word" and j != i + 1]
    return [(source.start[j], source.end[j], "value") for j in uses if source.tok[j - 1] != "."], changed


def place(mutants, sources):
    """Regions of each file. Numbers the mutants: those of a region follow each other. What has no place is left out."""
    regions = {}
    for mutant in mutants:
        try:
            if mutant.function:
                where, text = _region(mutant, sources[mutant.file])
                places = [where]
            else:
                places, text = _uses(mutant, sources[mutant.file])
        except rust_source.Unplaced as why:
            chain = str(why) == rust_source.CHAIN and mutant.replacement == "||"
            mutant.left_out = f"unviable: `||` in {why}" if chain else f"apart: {why}"
            continue
        found = regions.setdefault(mutant.file, {})
        for where in places:
            found.setdefault(where, Region(*where)).texts.append((mutant, text))
    number = 0
    for file in sorted(regions):
        regions[file] = sorted(regions[file].values(), key=lambda r: (r.start, r.kind != "body", -r.end))
        for region in regions[file]:
            for mutant, _ in region.texts:
                if not mutant.number:
                    number += 1
                    mutant.number = number
    return regions


class Rendered:
    """A file with its mutants: `text`, and `spans` (start, end, what) in bytes, `what` a mutant or a region."""

    def __init__(self, source, regions):
        self._out, self._size, self.spans = [], 0, []
        self._source = source.text
        self._write_range(0, len(source.text), regions)
        self.text = "".join(self._out)

    def _write(self, text, what=None):
        start = self._size
        self._out.append(text)
        self._size += len(text.encode())
        if what is not None:
            self.spans.append((start, self._size, what))

    def _write_range(self, at, end, regions):
        """Writes the source from `at` to `end` with these regions, which are sorted and lie in it."""
        i = 0
        while i < len(regions):
            region = regions[i]
            inner = i + 1
            while inner < len(regions) and region.end > region.start and regions[inner].start < region.end:
                inner += 1
            self._write(self._source[at:region.start])
            self._write_region(region, regions[i + 1:inner])
            at, i = region.end, inner
        self._write(self._source[at:end])

    def _write_region(self, region, inner):
        live = [(m, t) for m, t in region.texts if m.left_out is None]
        begin = self._size
        numbers = [m.number for m, _ in region.texts]
        call = f"{SWITCH}({numbers[0]}, {numbers[-1]})"
        if region.kind == "arm":
            own = self._source[region.start:region.end]
            if live:
                self._write(f"{call} == 0 && (" if own else f" if {call} == 0 ", region)
            self._write_range(region.start, region.end, inner)
            if live and own:
                self._write(")")
        elif not live:
            self._write_range(region.start, region.end, inner)
        elif region.kind == "body":
            self._write(f"match {call} {{ ")
            for mutant, text in live:
                self._write(f"{mutant.number} => ")
                self._write(f"return {text}, ", mutant)
            self._write("_ => {} }; ")
        else:
            change, own = CHOICES.get(region.kind, CHOICES["value"])
            if region.kind == "field":
                self._write(self._source[region.start:region.end] + ": ")
            self._write(f"(match {call} {{ ")
            for mutant, text in live:
                self._write(f"{mutant.number} => ")
                self._write(f"{change[0]}{text}{change[1]}, ", mutant)
            self._write(f"_ => {own[0]}")
            self._write_range(region.start, region.end, inner)
            self._write(f"{own[1]} }})")
        self.spans.append((begin, self._size, region))

    def at(self, start, end):
        """The innermost mutant that holds these bytes, else the innermost region, else None."""
        holding = [s for s in self.spans if s[0] <= start and end <= s[1]]
        holding.sort(key=lambda s: (not isinstance(s[2], Mutant), s[1] - s[0]))
        return holding[0][2] if holding else None
