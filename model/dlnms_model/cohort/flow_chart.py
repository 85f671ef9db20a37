"""The flow chart of a cohort: who was left at each step, and who was excluded for what."""

from html import escape

from ..page import document, rows

STYLE = """<style>.flow{display:grid;grid-template-columns:minmax(220px,320px) 40px minmax(260px,460px);margin:16px 0;row-gap:0}
.step{border:1.5px solid var(--series0);padding:10px 14px;text-align:center}.step b{font-size:20px}.out{border:1px solid var(--line);padding:8px 12px;font-size:13.5px;align-self:center}
.down{border-left:1.5px solid var(--grid);margin-left:50%;min-height:28px}.across,.down{position:relative}.down::after,.across::after{content:"";position:absolute;top:50%;left:0;right:0;border-top:1.5px solid var(--grid)}.out ul{margin:2px 0;padding-left:18px}</style>"""


def chart(steps):
    """Returns the chart as HTML. A step is {n, what} with `excluded`, a list of {n, why}, which is drawn before the step."""
    cells = []
    for step in steps:
        out = step.get("excluded")
        if out:
            listed = "".join(f"<li>{e['n']}: {escape(e['why'])}</li>" for e in out)
            total = sum(e["n"] for e in out)
            cells += ['<div class="down"></div><div class="across"></div>', f'<div class="out">{total} excluded<ul>{listed}</ul></div>']
        cells += [f'<div class="step"><b>{step["n"]}</b><br>{escape(step["what"])}</div>', "<div></div><div></div>"]
    return f'{STYLE}<div class="flow">{"".join(cells)}</div>'


def page(result):
    """Returns the page of a recipe's result."""
    stages = rows(["File", "N0", "N1", "N2"], [[escape(name), *map(str, s.values())] for name, s in result["stages"].items()])
    not_given = "".join(f"<li>{escape(t)}</li>" for t in result["labels_not_given"])
    notes = rows(["Patients", "Note"], [[str(n), escape(t)] for t, n in result["notes"].items()])
    series = result["series"]
    return document(result["collection"], f"Flow chart of {result['collection']}", chart(result["flow"]) + "<p>A patient with several reasons is counted at the first.</p>"
                    + f"<h2>Pathological N stage</h2>{stages}<h2>What the table cannot give</h2><ul>{not_given}</ul><h2>Notes</h2><div class=\"text\">{notes}</div>"
                    + f"<p>{series['n']} series to download, {series['MB'] / 1000:.1f} GB.</p>")
