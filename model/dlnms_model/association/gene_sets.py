"""Gene sets that are enriched in the high-risk group, by GSEApy: a thin call of its GSEA and ssGSEA."""

import pathlib
import platform
from importlib import metadata

import gseapy
import numpy as np
import pandas

from .. import page, table
from ..output import as_json, csv_text, write_folder

FEWEST = 7  # patients in each group; with fewer GSEA's documentation advises against permuting patients
GSEA = ("GSEA (Subramanian 2005) of the high-risk against the low-risk group: genes ranked by signal to noise, groups of patients permuted; a positive "
        "normalised enrichment score means higher expression in the high-risk group")
SSGSEA = "ssGSEA (Barbie 2009) of each patient, rank-normalised"


def read_gmt(path):
    """Returns {name: genes} of a GMT file. Refuses a line that is no gene set, and a name that occurs twice."""
    path = pathlib.Path(path)
    sets = {}
    for row, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        cells = [c.strip() for c in line.split("\t")]
        if not line.strip():
            continue
        genes = [g for g in cells[2:] if g]
        if not cells[0] or not genes:
            raise table.TableError(f"{path.name}, row {row}: a gene set is a name, a description and genes, separated by tabulators")
        if cells[0] in sets:
            raise table.TableError(f"{path.name}, row {row}: the gene set {cells[0]!r} is there twice")
        sets[cells[0]] = genes
    if not sets:
        raise table.TableError(f"{path.name}: holds no gene set")
    return sets


def read_expression(path, patients):
    """Returns the expression of each gene (rows) in the patients (columns). Refuses missing patients, repeated genes and gaps."""
    data = table.read(path)
    genes = data.text("gene")
    twice = [i for i, g in enumerate(genes) if g in set(genes[:i])] if len(set(genes)) < len(genes) else []
    data.refuse(twice, "gene", "the same gene as in an earlier row")
    missing = sum(p not in data.columns for p in patients)
    if missing:
        raise table.TableError(f"{data.name}: {missing} of {len(patients)} patients of the scores have no column")
    return pandas.DataFrame({p: data.numbers(p) for p in patients}, index=genes)


def enrichment(expression, high, sets, permutations, smallest, seed):
    """Returns the records of GSEA, the most enriched first, and the ssGSEA scores as {gene set: {patient: score}}."""
    groups = ["high" if h else "low" for h in high]
    # GSEApy takes the group that comes first as the one that a positive score belongs to.
    order = np.argsort(~np.asarray(high), kind="stable")
    common = {"gene_sets": sets, "min_size": smallest, "max_size": max(500, len(expression)), "outdir": None, "no_plot": True, "threads": 1, "seed": seed}
    found = gseapy.gsea(data=expression.iloc[:, order], cls=[groups[i] for i in order], permutation_num=permutations, permutation_type="phenotype", **common).res2d
    records = [{"gene_set": str(r["Term"]), "enrichment_score": float(r["ES"]), "normalised": float(r["NES"]), "p": float(r["NOM p-val"]),
                "false_discovery_rate": float(r["FDR q-val"]), "leading_edge": str(r["Lead_genes"]).split(";")} for _, r in found.iterrows()]
    single = gseapy.ssgsea(data=expression, **common).res2d
    samples = {}
    for _, r in single.iterrows():
        samples.setdefault(str(r["Term"]), {})[str(r["Name"])] = float(r["NES"])
    return sorted(records, key=lambda r: -r["normalised"]), samples


def report(result):
    """Returns the page as HTML text."""
    lines = [[page.escape(r["gene_set"]), page.number(r["normalised"]), page.p_value(r["p"]), page.p_value(r["false_discovery_rate"]), str(len(r["leading_edge"]))] for r in result["gsea"]]
    about = f"<p>{result['high']} patients of high risk ({page.escape(result['group'])}), {result['low']} of low risk; {result['genes']} genes.</p>"
    body = about + page.rows(["Gene set", "Normalised enrichment score", "p", "False discovery rate", "Genes in the leading edge"], lines) + page.method(
        GSEA, SSGSEA, "Made with " + ", ".join(f"{k} {v}" for k, v in result["software"].items()) + "; every number is in gene_sets.json")
    return page.document("Gene sets and risk groups", "Gene sets enriched in a risk group", body)


def command(a, say):
    """Runs the command line `gene-sets` with its parsed options `a`."""
    column, _, cutoff = a.column.partition("=")
    try:
        cutoff = float(cutoff)
    except ValueError:
        raise table.TableError("--column: write COL=CUTOFF, for example n2=0.356") from None
    if a.permutations < 100 or a.smallest < 2:
        raise table.TableError("--permutations: at least 100; --smallest: at least 2")
    data = table.read(a.scores)
    high = data.score(column) >= cutoff
    if min(high.sum(), (~high).sum()) < FEWEST:
        raise table.TableError(f"{data.name}, column {column}: {high.sum()} patients of high and {(~high).sum()} of low risk; at least {FEWEST} of each are needed")
    patients = data.text(table.PATIENT)
    expression = read_expression(a.expression, patients)
    sets = read_gmt(a.gene_sets)
    inside = {n: sum(g in expression.index for g in genes) for n, genes in sets.items()}
    if max(inside.values()) < a.smallest:
        raise table.TableError(f"{pathlib.Path(a.gene_sets).name}: no gene set has {a.smallest} genes in the expression table; are both named alike?")
    say(f"{a.permutations} permutations of {len(patients)} patients")
    records, samples = enrichment(expression, high, sets, a.permutations, a.smallest, a.seed)
    result = {
        "notice": page.NOTICE, "group": f"{column} >= {cutoff:g}", "high": int(high.sum()), "low": int((~high).sum()), "genes": len(expression),
        "left_out": {n: f"{k} genes in the table, fewer than {a.smallest}" for n, k in inside.items() if k < a.smallest},
        "gsea": records, "gsea_method": GSEA, "ssgsea": samples, "ssgsea_method": SSGSEA,
        "software": {"python": platform.python_version(), "gseapy": metadata.version("gseapy"), "seed": a.seed, "permutations": a.permutations},
    }
    keys = ("gene_set", "enrichment_score", "normalised", "p", "false_discovery_rate")
    single = [[n, *(samples[n][p] for p in patients)] for n in samples]
    files = {"gene_sets.json": as_json(result), "gsea.csv": csv_text(keys, [[r[k] for k in keys] for r in records]),
             "ssgsea.csv": csv_text(["gene_set", *patients], single), "report.html": report(result)}
    write_folder(a.out, files, "gene_sets.json", "gene sets")
    say(f"wrote {a.out}")
