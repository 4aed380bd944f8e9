# SPDX-License-Identifier: Apache-2.0
"""What the table of servers says, as a manual page and as a part of README.md, from test/servers/results/*.json."""
import json
import re

from description import SERVERS, descriptions

BEGIN, END = "<!-- by scripts/servers --docs -->", "<!-- end -->"
RELEASES = ("bookworm", "trixie", "sid")
HOW = {"drop-in": "environment of its unit, by a drop-in", "environment": "its environment"}
LOGS = {"reason": "the reason", "error 71": "error 71, without the reason", "that it failed": "that it failed, not why",
        "nothing": "nothing"}

HEAD = r""".\" SPDX-License-Identifier: Apache-2.0
.\" Made by scripts/servers --docs from what the servers did: do not edit.
.TH CLIENTCT-SERVERS 7 DATE clientct "OpenSSL and Certificate Transparency"
.SH NAME
clientct-servers \- which servers enforce, and what is seen when they refuse
.SH DESCRIPTION
Each server was started as its Debian package ships it, twice: without clientct, to see that the unlogged client is let
in and a stranger's is not, and with it.
Then clients came with a certificate that is logged, one that is not, the logged one again, none, and a logged one of
a CA that the server does not trust, in each version of TLS that the server speaks.
A server
.I enforces
where the unlogged client is out, and all others fare as they do without clientct.
.B scripts/servers
in the source tree does all of this again.
.PP
For each server:
.TP
.I Configuration
How it gets the name of its
.IR openssl.cnf .
.TP
.I Verifies
The process that decided, as the audit names it, the user that it ran as, and its root directory
.RI ( DIR
is the folder of the trial).
.TP
.I Sessions
What becomes of a session that a client brings back, with
.BR "resumption = checked" .
.TP
.I Log
What the server's own log says of a refusal at its default level, and with the line that is named.
The audit, see
.BR clientct\-audit (5),
has the reason in any case.
.TP
.I Client
What OpenSSL's client library says to a client that is refused; in TLS 1.3 it says so when the client first reads.
"""

TAIL = r""".SH NOT REACHED
Programs that use another TLS library are not reached, whatever they are told.
In Debian these are servers with GnuTLS (Exim, slapd, Zabbix's agent, CUPS, libvirt, Knot), with a TLS of their own
(Erlang's: ejabberd, RabbitMQ; Java's: Tomcat; everything in Go) and those with NSS.
.SH SEE ALSO
.BR clientct (1),
.BR clientct.cnf (5),
.BR clientct\-audit (5),
.BR provider\-clientct (7)
"""


def results():
    """The result files by release, in the order of releases."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (SERVERS / "results").glob("*.json")}
    return {name: found[name] for name in [*RELEASES, *sorted(set(found) - set(RELEASES))] if name in found}


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "").replace("…", "...").replace("'", "\\(aq")
    return re.sub(r"(?m)^([.])", r"\\&\1", text)


def numbers(versions):
    return " and ".join(version.removeprefix("TLSv") for version in versions)


def by_version(found, key):
    """One text where all versions agree, else one each."""
    values = {version: key(of) for version, of in found.items()}
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return "; ".join(f"{numbers([version])} {value}" for version, value in values.items())


def log_text(server, log):
    what, line = log["default"]
    text = LOGS[what] + (f': "{line}"' if line else "")
    if "loud" in log:
        more, line = log["loud"]
        text += f"; with {server.loud_how}: {LOGS[more]}" + (f': "{line}"' if line and more != "nothing" else "")
    return text


def entry(server, row):
    where = row["where"]
    parts = [f"{row['version']}: {row['verdict']}"
             + (f" in TLS {numbers(row['with'])}." if row["verdict"] == "enforces" else ".")]
    parts.append(f"Configuration: {HOW.get(server.how, server.how)}.")
    if "audit" in where:
        parts.append(f"Verifies: {where['audit']}" + (f", as {where['user']}, in {where['root']}." if "user" in where
                                                      else ", a process for each connection."))
    if row["verdict"] == "enforces":
        parts.append(f"Sessions: {by_version(row['with'], lambda found: found['resumption'])}.")
        parts.append(f"Log: {log_text(server, row['log'])}.")
        said = by_version(row["with"], lambda found: found["words"].get("unlogged", "") or "nothing")
        parts.append(f"Client: {said}.")
    if "start" in row:
        parts.append(f'Log: "{row["start"]}".')
    if server.note:
        parts.append(server.note)
    return parts


def page():
    newest = max(row["date"] for found in results().values() for row in found["rows"].values())
    text, named = HEAD.replace("DATE", newest, 1), {server.name: server for server in descriptions()}
    for release, found in results().items():
        dates = sorted({row["date"] for row in found["rows"].values()})
        text += f".SH {release.upper()}\nOpenSSL {roff(found['openssl'])}, {roff(dates[0])}"
        text += f" to {roff(dates[-1])}" if dates[-1] != dates[0] else ""
        text += f"; {len(found['rows'])} servers.\n"
        for name, row in sorted(found["rows"].items(), key=lambda pair: named[pair[0]].title.lower()):
            text += f".TP\n.B {roff(named[name].title)}\n" + "\n".join(map(roff, entry(named[name], row))) + "\n"
    return text + TAIL


def titles(rows):
    return ", ".join(sorted(rows, key=str.lower))


def short():
    """The same for README.md."""
    named, text = {server.name: server for server in descriptions()}, ""
    for release, found in results().items():
        rows = {named[name].title: row for name, row in found["rows"].items()}
        enforces = [title for title, row in rows.items() if row["verdict"] == "enforces"]
        text += (f"Debian {release} (OpenSSL {found['openssl']}): {len(enforces)} of {len(rows)} enforce, in TLS 1.2 "
                 f"and 1.3 where they have both: {titles(enforces)}.")
        others = [f"{title} ({row['verdict']})" for title, row in rows.items() if row["verdict"] != "enforces"]
        text += (f" Not: {titles(others)}." if others else "") + "\n\n"
    return text.strip() + "\n"


def with_short(readme):
    """README.md's text with that part in it."""
    before, rest = readme.split(BEGIN, 1)
    return before + BEGIN + "\n" + short() + END + rest.split(END, 1)[1]


def outdated(root):
    """What does not agree with the results, for scripts/check-docs."""
    import clients_page  # pylint: disable=import-outside-toplevel # it has use for this file
    problems = []
    if (root / "module/man/clientct-servers.7").read_text(encoding="utf-8") != page():
        problems.append("clientct-servers.7 is not what test/servers/results say: scripts/servers --docs")
    if (root / "module/man/clientct-clients.7").read_text(encoding="utf-8") != clients_page.page():
        problems.append("clientct-clients.7 is not what test/clients/results.json says: scripts/servers --docs")
    readme = (root / "README.md").read_text(encoding="utf-8")
    if with_short(readme) != readme:
        problems.append("README.md is not what test/servers/results say: scripts/servers --docs")
    return problems
