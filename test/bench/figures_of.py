# SPDX-License-Identifier: Apache-2.0
"""The same figures from `clientct report --json` and from an engine, to be compared."""

NUMBERS = ("vouched_lines", "lost_lines", "missing_lines", "rejected_chains", "decisions", "would_accept",
           "would_refuse", "refused", "without_certificate", "certificates", "compliant", "locked_out", "expired",
           "shadow_would_refuse_more", "shadow_would_accept_more", "clients", "clients_with_several_certificates",
           "clients_locked_out")
GROUPS = ("refusals_in_period", "locked_out", "decisions")


def report(answer):
    out = {name: answer[name] for name in NUMBERS}
    for key in ("reasons", "issuers"):
        out[key] = {row["name"]: tuple(row[number] for number in GROUPS) for row in answer[key]}
    out["unknown_logs"] = {row["name"]: row["lines"] for row in answer["unknown_logs"]}
    return out


def engine(rows):
    """`rows(sql)` gives the rows of a query as lists."""
    values = rows("SELECT " + ", ".join(NUMBERS) + " FROM report")[0]
    out = dict(zip(NUMBERS, map(int, values)))
    for key in ("reasons", "issuers"):
        out[key] = {row[0]: tuple(map(int, row[1:]))
                    for row in rows(f"SELECT name, {', '.join(GROUPS)} FROM {key}")}
    out["unknown_logs"] = {row[0]: int(row[1]) for row in rows("SELECT name, lines FROM unknown_logs")}
    return out
