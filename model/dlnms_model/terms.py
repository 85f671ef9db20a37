"""Terms of a regression: what of a table enters it, as a column of numbers."""

import re
from dataclasses import dataclass

import numpy as np

from .cohort.columns import COLUMNS, POSITIVE
from .table import NUMBER, TableError



@dataclass(frozen=True)
class Term:
    """One term: its text, the column it reads, and what is made of it."""

    text: str
    column: str
    kind: str  # number, word, log or logit
    word: str = ""
    words: tuple = ()  # every word of the column when the model was fitted: another one has no known meaning

    def values(self, data):
        """Returns the term for every row of a table. Refuses cells that it is not defined for, by row."""
        if self.kind == "word":
            cells = data.text(self.column)
            data.refuse([i for i, c in enumerate(cells) if c not in self.words], self.column, f"none of the words that the term {self.text} knows ({', '.join(self.words)})")
            return np.array([float(c == self.word) for c in cells])
        x = data.numbers(self.column)
        if self.kind == "log":
            data.refuse([i for i in range(len(x)) if x[i] <= 0], self.column, "not positive, so it has no logarithm")
            return np.log(x)
        if self.kind == "logit":
            data.refuse([i for i in range(len(x)) if not 0 < x[i] < 1], self.column, "not a probability between 0 and 1, so it has no logit")
            return np.log(x) - np.log1p(-x)
        return x


def parse(text, data):
    """Returns the term that a text names. The table tells whether a column holds numbers or words."""
    text = text.strip()
    made = re.fullmatch(r"(log|logit)\((.+)\)", text)
    if made:
        data.text(made[2])
        return Term(text, made[2], made[1])
    column, sign, word = text.partition("=")
    cells = data.text(column)
    if sign:
        if word not in cells:
            raise TableError(f"{data.name}, column {column}: no row holds the word of the term {text}")
        return Term(text, column, "word", word, tuple(sorted(set(cells))))
    if column in POSITIVE and not any(NUMBER.fullmatch(c) for c in cells):
        check = COLUMNS[column][0]
        data.refuse([i for i, c in enumerate(cells) if check(c)], column, check("") or "")
        words = tuple(w for w in ("male", "female", "ever", "never", "solid", "subsolid", "left", "right") if not check(w))
        return Term(f"{column}={POSITIVE[column]}", column, "word", POSITIVE[column], words)
    data.refuse([i for i, c in enumerate(cells) if not NUMBER.fullmatch(c)], column, f"a word where a number is expected; for words write {column}=WORD")
    return Term(text, column, "number")


def column(text):
    """Returns the column that the text of a term reads."""
    made = re.fullmatch(r"(log|logit)\((.+)\)", text.strip())
    return made[2] if made else text.strip().partition("=")[0]
