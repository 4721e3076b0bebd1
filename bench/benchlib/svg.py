# SPDX-License-Identifier: GPL-2.0-only
"""Charts."""
from html import escape

COLOURS = ("#1b6ca8", "#c8553d")
STYLE = "<style>text{font:12px sans-serif;fill:#333}.t{font-size:15px;font-weight:bold}" \
	"@media(prefers-color-scheme:dark){" \
	"svg{background:#181818}text{fill:#ddd}}</style>"


def _open(width, height, title):
	return ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d">' % (
		width, height, width), STYLE,
		'<text class="t" x="10" y="22">%s</text>' % escape(title)]


def bars(title, rows, unit):
	"""rows: (label, value, is it ours); horizontal bars."""
	height, left, wide = 24, 300, 420
	most = max([abs(v) for _l, v, _o in rows] + [1])
	out = _open(left + wide + 90, 50 + height * len(rows), title)
	for i, (label, value, ours) in enumerate(rows):
		y = 40 + i * height
		width = max(1, abs(value) * wide / most)
		out.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (
			left - 8, y + 14, escape(label)))
		out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
			left, y, width, height - 6, COLOURS[0] if ours else COLOURS[1]))
		out.append('<text x="%.1f" y="%d">%+.0f %s</text>' % (
			left + width + 5, y + 14, value, escape(unit)))
	return "\n".join(out + ["</svg>", ""])


def curve(title, points):
	"""points: (x, y) with growing x; x is drawn by order, y from 0."""
	left, top, wide, high = 60, 50, 460, 200
	most = max([y for _x, y in points] + [0]) or 1
	least = min([y for _x, y in points] + [0])
	step = wide / max(1, len(points) - 1)
	out = _open(left + wide + 60, top + high + 40, title)
	placed = []
	for i, (x, y) in enumerate(points):
		at = (left + i * step, top + high - (y - least) * high / (most - least))
		placed.append("%.1f,%.1f" % at)
		out.append('<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>' % (*at, COLOURS[0]))
		out.append('<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>' % (
			at[0], at[1] - 9, "%.2f" % y if abs(y) < 10 else "%.0f" % y))
		out.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
			at[0], top + high + 20, "{:,}".format(x)))
	out.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (
		" ".join(placed), COLOURS[0]))
	return "\n".join(out + ["</svg>", ""])
