"""Draws one figure as SVG text, without any library. All coordinates are data values until `Plot` places them.

Colours are variables of the page (page.STYLE), so that a figure follows its light and dark theme.
"""

from html import escape

import numpy as np

COLOURS = tuple(f"var(--series{i})" for i in range(8))
GRID, MUTED, INK = "var(--grid)", "var(--muted)", "var(--ink)"
HIGH, LOW, PALE = "var(--series1)", "var(--series0)", "var(--pale)"
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 460, 380, 58, 46, 30, 14


class Plot:
    """One figure: axes with ticks, then lines, points and bars added in data units, then `svg`."""

    def __init__(self, title, x_label, y_label, x, y):
        self.title, self.x, self.y, self.body, self.keys = title, x, y, [], []
        self.body.append(f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}" fill="none" stroke="{GRID}"/>')
        for v in ticks(*x):
            self.text(self.at(v, y[0])[0], HEIGHT - BOTTOM + 15, f"{v:g}", "middle")
        for v in ticks(*y):
            self.text(LEFT - 6, self.at(x[0], v)[1] + 4, f"{v:g}", "end")
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_label, "middle")
        self.text(0, 0, y_label, "middle", f'transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)"')

    def at(self, x, y):
        """Returns the place of a data point in the picture; what lies outside the axes is moved to their edge."""
        u = min(max((x - self.x[0]) / (self.x[1] - self.x[0]), 0), 1)
        v = min(max((y - self.y[0]) / (self.y[1] - self.y[0]), 0), 1)
        return LEFT + u * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - v * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, words, anchor, more=""):
        self.body.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>')

    def line(self, xs, ys, colour, dash="", key=None):
        points = thin([self.at(x, y) for x, y in zip(xs, ys)])
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.body.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.6"{dashed} points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        if key:
            self.keys.append((key, colour, dashed))

    def step(self, xs, ys, colour, key=None, dash=""):
        """Draws a curve that keeps its value until the next x."""
        self.line(np.repeat(xs, 2)[1:], np.repeat(ys, 2)[:-1], colour, dash, key)

    def point(self, x, y, colour, low=None, high=None):
        u, v = self.at(x, y)
        if low is not None:
            self.body.append(f'<line x1="{u:.1f}" x2="{u:.1f}" y1="{self.at(x, low)[1]:.1f}" y2="{self.at(x, high)[1]:.1f}" stroke="{colour}" stroke-width="1"/>')
        self.body.append(f'<circle cx="{u:.1f}" cy="{v:.1f}" r="3.2" fill="{colour}"/>')

    def bars(self, from_y, ys, colours):
        """Draws one bar per value, side by side over the whole width."""
        for i, (y, colour) in enumerate(zip(ys, colours)):
            (a, v), (b, w) = self.at(i, from_y), self.at(i + 1, y)
            self.body.append(f'<rect x="{a:.2f}" y="{min(v, w):.2f}" width="{b - a:.2f}" height="{max(abs(v - w), 0.5):.2f}" fill="{colour}"/>')

    def svg(self, place="bottom"):
        """Returns the figure. The key stands at the bottom right, or at the top right."""
        rows, widest = len(self.keys), max((len(k) for k, _, _ in self.keys), default=0)
        x = WIDTH - RIGHT - 32 - 6.8 * widest
        y = TOP + 18 if place == "top" else HEIGHT - BOTTOM - 15 * rows + 2
        if rows:
            self.body.append(f'<rect x="{x - 6:.1f}" y="{y - 13:.1f}" width="{WIDTH - RIGHT - x + 2:.1f}" height="{15 * rows + 6}" fill="var(--page)" fill-opacity="0.82"/>')
        for i, (key, colour, dashed) in enumerate(self.keys):
            self.body.append(f'<line x1="{x:.1f}" x2="{x + 18:.1f}" y1="{y + 15 * i - 4:.1f}" y2="{y + 15 * i - 4:.1f}" stroke="{colour}" stroke-width="2"{dashed}/>')
            self.text(x + 23, y + 15 * i, key, "start")
        return (f'<svg role="img" aria-label="{escape(self.title, quote=True)}" viewBox="0 0 {WIDTH} {HEIGHT}" xmlns="http://www.w3.org/2000/svg">'
                f'<text x="{LEFT}" y="19" font-weight="600">{escape(self.title)}</text>{"".join(self.body)}</svg>')


def ticks(low, high):
    """Returns round values inside an axis."""
    step = 10 ** np.floor(np.log10((high - low) / 4))
    step *= min((f for f in (1, 2, 2.5, 5, 10)), key=lambda f: abs((high - low) / (step * f) - 5))
    return [float(f"{v:.6g}") + 0.0 for v in np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step]


def thin(points):
    """Drops points that fall on the same tenth of a pixel as the one before, so that large cohorts stay drawable."""
    kept = points[:1]
    for p in points[1:]:
        if abs(p[0] - kept[-1][0]) + abs(p[1] - kept[-1][1]) >= 0.1:
            kept.append(p)
    return kept + points[-1:]


def colour(i):
    return COLOURS[i % len(COLOURS)]
