"""Divides patients into folds. Nothing here sees an image."""

import dataclasses
from collections import defaultdict

import numpy as np

from ..table import TableError

FEWEST = 10  # of either class


@dataclasses.dataclass(frozen=True)
class Fold:
    """Positions of patients: those who train, those by whom the best epoch is chosen, and those who are scored once at the end."""

    train: np.ndarray
    stopping: np.ndarray
    test: np.ndarray


def refuse_few(name, column, y, folds):
    """Refuses a cohort of which no network can be trained."""
    for what, count in (("positive", int(y.sum())), ("negative", int((~y).sum()))):
        if count < FEWEST:
            raise TableError(f"{name}, column {column}: {count} {what} patients; a training needs ten of either class")
        if count < 2 * folds:
            raise TableError(f"{name}, column {column}: {count} {what} patients for {folds} folds; use fewer (--set folds=N)")


def strata(*columns):
    """Returns the rows of each combination of values, by the columns given."""
    groups = defaultdict(list)
    for i, values in enumerate(zip(*columns)):
        groups[values].append(i)
    return [np.array(groups[key]) for key in sorted(groups)]


def assign(groups, n, folds, rng):
    """Returns the fold of each of n patients: those of a group are spread evenly, and so is what is left over of all groups."""
    fold, next_fold = np.empty(n, int), 0
    for group in groups:
        for i in rng.permutation(group):
            fold[i] = next_fold % folds
            next_fold += 1
    return fold


def part(y, share, rng):
    """Returns positions of about `share` of each class, at least two of each."""
    chosen = [rng.permutation(np.flatnonzero(y == c))[: max(2, round(share * (y == c).sum()))] for c in (False, True)]
    return np.sort(np.concatenate(chosen))


def k_fold(y, columns, folds, stopping, seed):
    """Returns folds of patients, stratified by `columns` (lists of words, the label first)."""
    rng = np.random.default_rng([seed, 101])
    fold = assign(strata(*columns), len(y), folds, rng)
    out = []
    for k in range(folds):
        rest = np.flatnonzero(fold != k)
        inner = rest[part(y[rest], stopping, rng)]
        out.append(Fold(np.setdiff1d(rest, inner), inner, np.flatnonzero(fold == k)))
    return out


def authors(y, folds, seed):
    """Returns the authors' one division: positives and negatives apart into folds, the first of which validates."""
    rng = np.random.default_rng([seed, 102])
    validation = np.sort(np.concatenate([np.array_split(rng.permutation(np.flatnonzero(y == c)), folds)[0] for c in (False, True)]))
    train = np.setdiff1d(np.arange(len(y)), validation)
    return Fold(train, validation, validation)
