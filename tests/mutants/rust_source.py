"""Rust source as tokens, and the operator expression around a token. Enough of the grammar for that, and no more."""

import bisect
import re

TOKEN = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<line_comment>//[^\n]*)
    | (?P<raw>(?:b|c)?r(?P<hashes>\#*)".*?"(?P=hashes))
    | (?P<string>(?:b|c)?"(?:\\.|[^"\\])*")
    | (?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[^}]*\}|.)|[^\\'])')
    | (?P<lifetime>'[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9][0-9_]*(?:x[0-9a-fA-F_]+|b[01_]+|o[0-7_]+)?
        (?:\.(?![.A-Za-z_])[0-9_]*)?(?:[eE][+-]?[0-9_]+)?[A-Za-z0-9_]*)
    | (?P<word>(?:r\#)?[A-Za-z_][A-Za-z0-9_]*)
    | (?P<mark><<=|>>=|\.\.\.|\.\.=|::|->|=>|==|!=|<=|>=|&&|\|\||\+=|-=|\*=|/=|%=|\^=|&=|\|=|<<|>>|\.\.|[^\s\w])
    """,
    re.VERBOSE | re.DOTALL,
)

ASSIGN = {"+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=", "<<=", ">>="}
BINARY = {"+", "-", "*", "/", "%", "^", "&", "|", "<<", ">>", "==", "!=", "<", ">", "<=", ">=", "&&", "||"}
PREFIX = {"-", "!", "*", "&", "&&"}
# Words before which an operator expression cannot begin earlier.
LEADING = {"return", "break", "if", "while", "match", "in", "else", "let", "move", "where"}
BLOCK_WORDS = {"if", "while", "for", "match", "loop", "unsafe"}
# Why an operator between the conditions of `if let ... && ...` has no place.
CHAIN = "a condition with `let`"
PAIRS = {"(": ")", "[": "]", "{": "}"}


class Unplaced(Exception):
    """The expression around a token was not found."""


class Source:
    """Tokens of one file: `kind`, `text`, `start` and `end` of each as lists, and which bracket matches which."""

    def __init__(self, text):
        self.text = text
        self.kind, self.tok, self.start, self.end = [], [], [], []
        self._read()
        self._match()
        self._closures()
        self._angles()
        self._blocks()
        lines = [0]
        for m in re.finditer("\n", text):
            lines.append(m.end())
        self.lines = lines

    def _read(self):
        at, text = 0, self.text
        while at < len(text):
            if text.startswith("/*", at):
                depth, end = 1, at + 2
                while depth:
                    step = re.compile(r"/\*|\*/").search(text, end)
                    depth += 1 if step.group() == "/*" else -1
                    end = step.end()
                at = end
                continue
            m = TOKEN.match(text, at)
            kind = m.lastgroup if m.lastgroup != "hashes" else "raw"
            if kind not in ("space", "line_comment"):
                self.kind.append(kind)
                # `x.0.1`: a number after a dot is a field.
                if kind == "number" and self.tok and self.tok[-1] == ".":
                    m = re.compile(r"[0-9]+").match(text, at)
                self.tok.append(m.group())
                self.start.append(at)
                self.end.append(m.end())
            at = m.end()

    def _match(self):
        self.partner, stack = {}, []
        for i, t in enumerate(self.tok):
            if self.kind[i] != "mark":
                continue
            if t in PAIRS:
                stack.append(i)
            elif t in PAIRS.values():
                o = stack.pop()
                self.partner[o], self.partner[i] = i, o

    def ends_operand(self, i):
        """Whether the token can be the last one of an operand."""
        if i in getattr(self, "angle", ()):
            return self.angle[i] < i
        if i < 0:
            return False
        if self.kind[i] == "word":
            return self.tok[i] not in LEADING | {"as", "mut", "unsafe", "loop", "ref", "const", "for", "dyn", "impl"}
        return self.kind[i] != "mark" or self.tok[i] in (")", "]", "}", "?")

    def _closures(self):
        """`closure_end`: tokens that end the parameters of a closure; `closure_start`: to that end."""
        self.closure_end, self.closure_start = set(), {}
        i = 0
        while i < len(self.tok):
            if self.kind[i] == "mark" and self.tok[i] in ("|", "||"):
                # A pattern's `|` follows an operand; after a block's end `|` begins a closure.
                before = self.ends_operand(i - 1) and self.tok[i - 1] != "}"
                if not before and self.tok[i] == "||":
                    self.closure_end.add(i)
                    self.closure_start[i] = i
                elif not before:
                    j = i + 1
                    while self.tok[j] != "|":
                        j = self.partner[j] + 1 if self.tok[j] in PAIRS else j + 1
                    self.closure_end.add(j)
                    self.closure_start[i] = j
                    i = j
            i += 1

    def _angles(self):
        """`angle`: brackets of generic arguments, `::<` and `<T as Trait>::`, to their partner."""
        self.angle = {}
        for i, t in enumerate(self.tok):
            if t == "<" and self.kind[i] == "mark" and i not in self.angle:
                if self.tok[i - 1] != "::" and self.ends_operand(i - 1):
                    continue
                depth, j = 0, i
                while True:
                    u = self.tok[j]
                    depth += {"<": 1, "<<": 2, ">": -1, ">>": -2}.get(u, 0) if self.kind[j] == "mark" else 0
                    if depth <= 0:
                        break
                    if u in (";", "{") or j + 1 == len(self.tok):
                        j = None
                        break
                    j += 1
                if j is not None:
                    self.angle[i], self.angle[j] = j, i

    def _blocks(self):
        """`block`: braces that open the body of if, while, for, match; `chained`: `&&` of a condition with `let`."""
        self.block, self.chained = set(), set()
        for i, t in enumerate(self.tok):
            if self.kind[i] != "word" or t not in ("if", "while", "for", "match"):
                continue
            j, ands, lets = i + 1, [], False
            if t == "for":
                if self.tok[j] == "<":
                    continue
                while j < len(self.tok) and self.tok[j] not in ("in", "{", ";"):
                    j = self.partner[j] + 1 if self.tok[j] in ("(", "[") else j + 1
                if j == len(self.tok) or self.tok[j] != "in":
                    continue  # impl Trait for Type
            while j < len(self.tok):
                u = self.tok[j]
                if u == "let":
                    lets = True
                    while self.tok[j] != "=":
                        j = self.partner[j] + 1 if self.tok[j] in PAIRS else j + 1
                elif u == "&&" and self.ends_operand(j - 1):
                    ands.append(j)
                elif u in ("(", "["):
                    j = self.partner[j]
                elif u == "{":
                    self.block.add(j)
                    break
                elif u in ("=>", ";") and self.kind[j] == "mark":
                    break  # a match guard
                j += 1
            if lets:
                self.chained.update(ands)

    def offset(self, place):
        """Offset of a line and column, both from 1."""
        return self.lines[place["line"] - 1] + place["column"] - 1

    def token_at(self, offset):
        """Number of the token that begins at an offset."""
        i = bisect.bisect_left(self.start, offset)
        if i == len(self.start) or self.start[i] != offset:
            raise Unplaced("no token begins there")
        return i

    # ------------------------------------------------------------ expressions

    def _is_literal(self, o):
        """Whether the brace opens the fields of a struct expression."""
        before = self.kind[o - 1] == "word" and self.tok[o - 1] not in BLOCK_WORDS | LEADING
        return o not in self.block and (before or o - 1 in self.angle)

    def _operand_start(self, j):
        """First token of the operand whose last token is `j`."""
        while True:
            t, mark = self.tok[j], self.kind[j] == "mark"
            if mark and t == "}":
                j = self.partner[j]
                if not self._is_literal(j):
                    raise Unplaced("an operand is a block")
                j -= 1
            elif mark and t in (")", "]"):
                j = self.partner[j]
                if self.tok[j - 1] == "!" and self.kind[j - 2] == "word":
                    j -= 2
                elif self.ends_operand(j - 1) and self.tok[j - 1] != "}" or j - 1 in self.angle:
                    j -= 1
                else:
                    return j
            elif mark and j in self.angle:
                j = self.angle[j]
                if self.tok[j - 1] != "::":
                    return j
                j -= 2
            elif mark and t == "?":
                j -= 1
            elif mark:
                raise Unplaced(f"`{t}` ends no operand")
            elif self.tok[j - 1] in (".", "::", "as"):
                j -= 2
            else:
                return j

    def _left(self, i):
        """First token of the operator expression that token `i`, an operator, stands in."""
        cur = i
        is_infix = self.tok[i] in ASSIGN or (self.tok[i] in BINARY and self.ends_operand(i - 1))
        if is_infix:
            cur = self._operand_start(i - 1)
        while cur > 0:
            j = cur - 1
            t, mark = self.tok[j], self.kind[j] == "mark"
            if t in ("mut", "const") and not mark:
                cur = j
            elif not mark or j in self.closure_end or j in self.chained or j in self.angle:
                break
            elif t == "!" or t in PREFIX and (not self.ends_operand(j - 1) or self.tok[j - 1] == "}"):
                cur = j
            elif t in BINARY:
                cur = self._operand_start(j - 1)
            else:
                break
        return cur

    def _right(self, first):
        """One past the last token of the expression that begins at `first`, and its operators."""
        i, operand, operators = first, False, set()
        while i < len(self.tok):
            t, mark = self.tok[i], self.kind[i] == "mark"
            if not operand:
                if i in self.closure_start:
                    i = self.closure_start[i] + 1
                    if self.tok[i] == "->":
                        while self.tok[i] != "{":
                            i += 1
                elif mark and t in PREFIX:
                    operators.add(i)
                    i += 1
                elif t in ("mut", "move", "return", "break"):
                    i += 1
                elif t in BLOCK_WORDS and not mark:
                    i, operand = self._block_expression(i), True
                elif i in self.angle:
                    i, operand = self.angle[i] + 1, True
                elif mark and t in PAIRS:
                    i, operand = self.partner[i] + 1, True
                elif not mark and t not in LEADING:
                    i, operand = i + 1, True
                else:
                    raise Unplaced(f"`{t}` where an operand is expected")
            elif mark and t == ".":
                i += 2
            elif mark and t == "::":
                i = self.angle[i + 1] + 1 if i + 1 in self.angle else i + 2
            elif mark and t == "?":
                i += 1
            elif mark and t in ("(", "["):
                i = self.partner[i] + 1
            elif mark and t == "!" and self.tok[i + 1] in PAIRS:
                i = self.partner[i + 1] + 1
            elif mark and t == "{" and self._is_literal(i):
                i = self.partner[i] + 1
            elif t == "as" and not mark:
                i += 1
                while self.tok[i] in ("*", "&", "mut", "const"):
                    i += 1
                i += 1
            elif mark and t in BINARY and i not in self.chained:
                operators.add(i)
                i, operand = i + 1, False
            else:
                break
        if not operand:
            raise Unplaced("the expression has no end")
        return i, operators

    def _block_expression(self, i):
        """One past the last token of `if ... {} else {}`, `match x {}`, `unsafe {}`, which begins at `i`."""
        while True:
            while self.tok[i] != "{" or not (i in self.block or self.tok[i - 1] in ("unsafe", "loop", "else")):
                i = self.partner[i] + 1 if self.tok[i] in ("(", "[") else i + 1
            i = self.partner[i] + 1
            if i < len(self.tok) and self.tok[i] == "else":
                i += 1
            else:
                return i

    def operator_expression(self, i):
        """Offsets of the longest operator expression that token `i`, one of its operators, stands in."""
        if i in self.chained:
            raise Unplaced(CHAIN)
        left = self._left(i)
        if self.tok[i] in ASSIGN:
            end, _ = self._right(i + 1)
        else:
            end, operators = self._right(left)
            if i not in operators:
                raise Unplaced("the scans from the left and to the right differ")
        return self.start[left], self.end[end - 1]

    def arm_arrow(self, start):
        """Token number of the `=>` of the match arm that begins at an offset, and of its `if` where it has a guard."""
        i, guard = self.token_at(start), None
        while self.tok[i] != "=>":
            if self.tok[i] == "if" and self.kind[i] == "word" and guard is None:
                guard = i
            i = self.partner[i] + 1 if self.tok[i] in PAIRS else i + 1
        return i, guard
