# SPDX-License-Identifier: Apache-2.0
"""Draws the results: one bar a measurement, in the time that it takes, and what it is beside."""

LICENCE = """<!--
SPDX-License-Identifier: Apache-2.0
-->"""
WIDTH, LEFT, RIGHT, ROW, TOP = 760, 330, 110, 30, 66


def rows_of(result):
    raw = result["raw"]
    rows = [("one bare P-256 signature check", raw["bare"]["ns"], "other"),
            ("repeated verdict", raw["warm"]["ns"], "us"),
            ("first verdict, 1 SCT", raw["cold_1"]["ns"], "us"),
            ("first verdict, 2 SCTs", raw["cold_2"]["ns"], "us"),
            ("first verdict, 3 SCTs", raw["cold_3"]["ns"], "us"),
            ("server's part of a handshake, without us", raw["rsa-warm-without"]["ns"], "other"),
            ("the same with us, verdict known", raw["rsa-warm"]["ns"], "us"),
            ("the same with us, 2 SCTs to check", raw["rsa-cold"]["ns"], "us"),
            ("libcrypto's SCT_LIST_validate, 3 SCTs", raw["libcrypto_3"]["ns"], "other")]
    return rows


def draw(result):
    rows = rows_of(result)
    longest = max(ns for _, ns, _ in rows)
    height = TOP + ROW * len(rows) + 34
    about = result["machine"]
    parts = [
        LICENCE,
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="13" role="img">',
        "<title>What a verdict takes</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="20" y="28" font-size="17" fill="#1b1f24">What a verdict takes (median, microseconds)</text>',
        f'<text x="20" y="48" fill="#57606a">{escape(about["cpu"])}, {escape(about["openssl"] or "")}</text>',
    ]
    for index, (text, ns, kind) in enumerate(rows):
        y = TOP + index * ROW
        width = max(2.0, (WIDTH - LEFT - RIGHT) * ns / longest)
        colour = "#1f6feb" if kind == "us" else "#afb8c1"
        parts += [
            f'<text x="{LEFT - 10}" y="{y + 15}" text-anchor="end" fill="#1b1f24">{escape(text)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="20" rx="2" fill="{colour}"/>',
            f'<text x="{LEFT + width + 8:.1f}" y="{y + 15}" fill="#1b1f24">{ns / 1000:,.1f}</text>',
        ]
    parts += [f'<text x="20" y="{height - 14}" fill="#57606a">blue: clientct, with four sources, audit and metrics on; '
              "grey: for comparison</text>", "</svg>"]
    return "\n".join(parts) + "\n"


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
