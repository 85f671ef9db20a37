"""Options of the commands `associate` and `gene-sets`. Their libraries are loaded only when they run."""

from ..failure import guarded


def add(sub):
    """Adds the options of both commands."""
    a = sub.add_parser("associate", help="texture features that go with scores: CSV, JSON and a page (needs the extra `evaluate`)")
    a.add_argument("--scores", required=True, metavar="FILE.csv", help="one row per patient, with the column `patient`")
    a.add_argument("--columns", required=True, metavar="COL,COL...", help="columns of scores")
    a.add_argument("--textures", required=True, metavar="DIR", help="PATIENT.json of each patient, written by `dlnms texture --json`")
    a.add_argument("--second-textures", metavar="DIR", help="the same of other outlines, some patients are enough: adds intraclass correlations")
    a.add_argument("--minimum-icc", type=float, metavar="X", help="leaves out features whose intraclass correlation is lower; needs --second-textures")
    a.add_argument("--bootstrap", type=int, default=2000, metavar="N", help="replicates of the intervals of the ten largest (default 2000; 0 for none)")
    g = sub.add_parser("gene-sets", help="gene sets enriched in a risk group: GSEA and ssGSEA by GSEApy (needs the extra `biology`)")
    g.add_argument("--scores", required=True, metavar="FILE.csv", help="one row per patient, with the column `patient`")
    g.add_argument("--column", required=True, metavar="COL=CUTOFF", help="score; at or above the cut-off is the high-risk group")
    g.add_argument("--expression", required=True, metavar="FILE.csv", help="one row per gene, with the column `gene` and a column for each patient")
    g.add_argument("--gene-sets", required=True, metavar="FILE.gmt", help="gene sets, one a line: name, description, genes, separated by tabulators")
    g.add_argument("--permutations", type=int, default=1000, metavar="N", help="of the patients' groups (default 1000)")
    g.add_argument("--smallest", type=int, default=15, metavar="N", help="gene sets with fewer genes in the table are left out (default 15)")
    for q in (a, g):
        q.add_argument("--seed", type=int, default=0, help="of the random numbers (default 0)")
        q.add_argument("--out", required=True, metavar="DIR", help="folder of the result; an earlier one there is replaced")
        q.add_argument("--quiet", action="store_true", help="no progress on standard error")
    return a, g


def run(a, say):
    """Runs `associate` or `gene-sets`, whose libraries are loaded only now."""
    if a.command == "associate":
        return guarded(a.command, "evaluate", lambda: _associate(a, say))
    return guarded(a.command, "biology", lambda: _gene_sets(a, say))


def _associate(a, say):
    from . import associate
    associate.command(a, say)


def _gene_sets(a, say):
    from . import gene_sets
    gene_sets.command(a, say)
