"""Parts of an HTML page that needs no other file: style, tables, numbers. The page follows the light or dark theme of the reader."""

from html import escape

STYLE = """:root{color-scheme:light dark;--page:#fff;--ink:#111827;--muted:#4b5563;--line:#e5e7eb;--grid:#9ca3af;--note:#fef3c7;--note-line:#d97706;--warn:#9a3412;--pale:#93b4d4;
--series0:#1b5e9c;--series1:#c2410c;--series2:#15803d;--series3:#7e22ce;--series4:#a16207;--series5:#0e7490;--series6:#be123c;--series7:#4b5563}
@media (prefers-color-scheme:dark){:root{--page:#14181f;--ink:#e5e7eb;--muted:#a3acb9;--line:#2d3541;--grid:#5b6675;--note:#3b2a08;--note-line:#d97706;--warn:#fb923c;--pale:#3d5a78;
--series0:#6aaeea;--series1:#fb8a4c;--series2:#5fd08a;--series3:#c99bf5;--series4:#e0b84a;--series5:#4fc6dd;--series6:#fb7f9b;--series7:#a3acb9}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:1180px;margin:24px auto;padding:0 16px}
h1{font-size:24px;margin-bottom:4px}h2{font-size:18px;margin-top:32px;border-bottom:1px solid var(--line)}
.notice{background:var(--note);border:1px solid var(--note-line);padding:8px 12px;font-weight:600}.warning{color:var(--warn)}
table{border-collapse:collapse;font-size:12.5px;margin:8px 0}th,td{padding:3px 8px;text-align:right;border-bottom:1px solid var(--line);font-variant-numeric:tabular-nums}
td{white-space:nowrap}.card td,.text td{text-align:left;vertical-align:top}.text td{white-space:normal}td:last-child{white-space:normal}th:first-child,td:first-child{text-align:left}
.text th{text-align:left}.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(400px,100%),1fr));gap:12px}figure{margin:0}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}svg text{fill:var(--ink)}small,.method{color:var(--muted);font-size:13px}.wide{overflow-x:auto}"""
NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment of any patient."


def document(title, heading, body):
    """Returns a whole page. `title` and `heading` are text, `body` is HTML."""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{STYLE}</style>
<h1>{escape(heading)}</h1>
<p class="notice">{escape(NOTICE)}</p>
{body}</html>
"""


def warnings(texts):
    """Returns one paragraph for each warning."""
    return "".join(f'<p class="warning">Warning: {escape(w)}.</p>' for w in texts)


def grid(drawings):
    """Returns figures side by side; empty ones are left out."""
    return '<div class="figures">' + "".join(f"<figure>{d}</figure>" for d in drawings if d) + "</div>"


def number(x, digits=3):
    """Returns a number as text, a dash where it is undefined."""
    return "&ndash;" if x is None else f"{x:.{digits}f}"


def p_value(p):
    """Returns a p-value as text."""
    return "&ndash;" if p is None else "&lt; 0.001" if p < 0.001 else f"{p:.3f}"


def between(x, digits=3):
    """Returns a value with its interval, or with a dash where the interval was refused."""
    if x.get("value") is None:
        return "&ndash;"
    inside = "no interval" if x.get("low") is None else f"{x['low']:.{digits}f} to {x['high']:.{digits}f}"
    return f"{x['value']:.{digits}f} ({inside})"


def rows(header, lines):
    """Returns an HTML table; cells are HTML already."""
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in line) + "</tr>" for line in lines)
    return f'<div class="wide"><table><tr>{"".join(f"<th>{h}</th>" for h in header)}</tr>{body}</table></div>'


def method(*texts):
    """Returns a paragraph that names methods and references, each once."""
    return "".join(f'<p class="method">{escape(t[0].upper() + t[1:])}.</p>' for t in dict.fromkeys(t for t in texts if t))
