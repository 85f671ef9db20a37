"""Options of `cohort` and its commands. The libraries of each are loaded only when it runs."""

import argparse
import os

from ..failure import fail
from ..table import TableError
from . import columns, tumour

REFUSED, SOME_REFUSED, LIBRARY = 1, 4, 3
EXIT_CODES = """exit codes: 0 done; 1 refused, the message names file, row and column; 2 wrong usage; 3 the library or the bundle cannot be used;
4 done, but some studies were refused (each is a line of DIR/journal.jsonl and of the page); 130 interrupted"""
FILE = "COHORT is a CSV file with one row per patient. Its columns:\n" + "\n".join(
    f"  {name:<13} {'required; ' if name in columns.REQUIRED else ''}{what}" for name, (_, what) in columns.COLUMNS.items()
) + f"\n  {columns.OWN + '...':<13} columns of your own; they are not checked\n\n" + tumour.HELP


def _raw(sub, name, text, epilog, **more):
    return sub.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".", epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter, **more)


def add(sub):
    """Adds the options of `cohort`."""
    c = _raw(sub, "cohort", "a cohort: check its file, prepare its studies, look at it (needs the extra `cohort`)",
             FILE + "\n\nthe usual order: check, prepare, show, score; then `evaluate` and `clinical`\n\n" + EXIT_CODES)
    commands = c.add_subparsers(dest="action", required=True, metavar="check|prepare|show|score|radiogenomics")
    check = _raw(commands, "check", "checks a cohort file and says what it holds", FILE)
    prepare = _raw(commands, "prepare", "makes the planes of every study through the library",
                   "A run that was stopped or killed goes on where it stopped: give the same command again. A study that is refused is a line of the\n"
                   "journal and does not stop the others; --retry tries such studies again. A changed cohort file is prepared again as far as it changed.\n\n" + EXIT_CODES)
    show = _raw(commands, "show", "writes the page of a prepared cohort: Table 1, quality findings, leak checks, contact sheet",
                "Exit code 1, after the page was written, if one patient, study, series or image stands in two rows: no model may be trained on that.\n\n" + EXIT_CODES)
    score = _raw(commands, "score", "scores every study through the library, into a CSV file for `evaluate` and `clinical`",
                 "The columns are patient, score_HEAD for each head of the bundle, SUVmax, MTV and TLG as measured, and the bundle's id and digest.\n\n" + EXIT_CODES)
    recipe = _raw(commands, "radiogenomics", "makes a cohort file of the public collection NSCLC Radiogenomics from its clinical table and series list",
                  "Nothing is downloaded: DIR/series.txt lists the series for idc-index, and DIR/README.txt has the call.\n\n" + EXIT_CODES)
    for p in (check, prepare, show, score):
        p.add_argument("cohort", metavar="COHORT.csv")
    for p in (prepare, score):
        p.add_argument("--bundle", required=True, metavar="DIR", help="bundle" + (" whose preprocessing is used; its weights do not matter" if p is prepare else ""))
        p.add_argument("--quality", choices=("default", "strict"), default="default", help="policy of the quality checks (default: default, only different patients are refused)")
        p.add_argument("--dlnms", metavar="PROGRAM", help="the library's program (default $DLNMS_PROGRAM, else `dlnms` on the path)")
        p.add_argument("--workers", type=int, default=1, metavar="N", help="studies at a time (default 1)")
        p.add_argument("--timeout", type=float, default=600.0, metavar="S", help="seconds that one study may take (default 600)")
    prepare.add_argument("--cube", type=int, default=0, metavar="N", help="keep cubes of N samples a side too, for a training that turns and shifts them (152: 14 MB a study)")
    prepare.add_argument("--retry", action="store_true", help="try refused studies again")
    prepare.add_argument("--out", required=True, metavar="DIR", help="folder of the prepared cohort")
    score.add_argument("--out", required=True, metavar="FILE.csv", help="score file")
    show.add_argument("--prepared", metavar="DIR", help="folder of `prepare`; without it the page has Table 1 alone")
    show.add_argument("--label", choices=columns.LABELS, help="label that the leak checks compare with (default: each that has both classes)")
    show.add_argument("--by", default="split", metavar="COL", help="column whose values are the columns of Table 1 (default split; one column if there is none)")
    show.add_argument("--out", required=True, metavar="DIR", help="folder of the page; an earlier page there is replaced")
    recipe.add_argument("--clinical", required=True, metavar="FILE.csv", help="clinical table of the collection")
    recipe.add_argument("--series", required=True, metavar="FILE.csv", help="series of the collection, a query of idc-index-data")
    recipe.add_argument("--images", default="images", metavar="DIR", help="folder of the download, relative to the cohort file (default images)")
    recipe.add_argument("--max-pet-ct-days", type=int, metavar="N", help="leave out patients whose PET and diagnostic CT lie farther apart")
    recipe.add_argument("--max-surgery-days", type=int, metavar="N", help="leave out patients with more days from the diagnostic CT to surgery")
    recipe.add_argument("--keep-m1", action="store_true", help="keep patients with distant metastases")
    recipe.add_argument("--out", required=True, metavar="DIR", help="folder of the cohort file, the list of series and the flow chart")
    for p in (check, prepare, show, score, recipe):
        p.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return c


def run(a, say):
    """Runs a command of `cohort`."""
    try:
        return {"check": _check, "prepare": _prepare, "show": _show, "score": _score, "radiogenomics": _radiogenomics}[a.action](a, say)
    except ImportError as error:
        return fail(f"cohort {a.action} needs {error.name}: pip install 'dlnms_model[cohort]'", REFUSED)
    except TableError as error:
        return fail(error, LIBRARY if type(error).__name__ == "LibraryError" else REFUSED)
    except OSError as error:
        return fail(f"{os.path.basename(error.filename) + ': ' if error.filename else ''}{error.strerror or error}", REFUSED)
    except KeyboardInterrupt:
        return fail("interrupted; what was done is kept, and the same command goes on", 130)


def _workers(a):
    if a.workers < 1 or not a.timeout > 0:
        raise TableError("--workers and --timeout: must be positive")
    return a.workers


def _cube(a, bundle):
    window = bundle.preprocessing["samples"]
    if a.cube and not window <= a.cube <= 1024:
        raise TableError(f"--cube: must lie between {window}, the window of the planes, and 1024")
    return a.cube


def _check(a, say):
    from . import file
    for line in file.summary(file.read(a.cohort)):
        print(line)
    return 0


def _prepare(a, say):
    from . import file, library, prepare
    cohort = file.read(a.cohort)
    bundle = library.bundle(a.bundle)
    summary = prepare.prepare(cohort, bundle, a.out, library.Library(a.dlnms), a.quality, _cube(a, bundle), _workers(a), a.timeout, a.retry, say)
    for record in summary["studies"]:
        if record["status"] != "prepared":
            say(f"row {record['row']}: {record['message']}")
    say(f"{summary['prepared']} of {summary['cohort']['n']} studies prepared in {a.out}")
    return SOME_REFUSED if summary["refused"] else 0


def _show(a, say):
    from . import file, show
    return REFUSED if show.command(file.read(a.cohort), a, say) else 0


def _score(a, say):
    from . import file, library, score
    refused = score.command(file.read(a.cohort), library.bundle(a.bundle), library.Library(a.dlnms), a.quality, _workers(a), a.timeout, a.out, say)
    return SOME_REFUSED if refused else 0


def _radiogenomics(a, say):
    from . import radiogenomics
    radiogenomics.command(a, say)
    return 0
