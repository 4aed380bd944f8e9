# SPDX-License-Identifier: Apache-2.0
"""What the table of clients says, as a manual page, from test/clients/results.json."""
import json
import re

from client_rows import CLIENTS, NOTHING, described
from servers_page import by_version, roff

HEAD = r""".\" SPDX-License-Identifier: Apache-2.0
.\" Made by scripts/servers --docs from what the clients did: do not edit.
.TH CLIENTCT-CLIENTS 7 DATE clientct "OpenSSL and Certificate Transparency"
.SH NAME
clientct-clients \- what the user of a refused client sees
.SH DESCRIPTION
A client whose certificate is refused gets the alert
.BR certificate_unknown (46),
and nothing else: the reason is told to the server alone.
What a person reads is what the client makes of that alert.
In TLS 1.3 a client has finished its handshake before the server looks at its certificate: the alert comes with the
first read, so that some report a failed read, or that the connection was closed, and not a failed handshake.
.PP
Each of these clients connected to an
.B openssl s_server
with clientct, which asks for SCTs in TLS 1.3 (extension 18 in CertificateRequest, which none of them minds).
With a logged certificate all were let in, in the versions that they speak; those that were not are not let in by a
server without clientct either, and their entries say why.
This is the line that each showed with an unlogged one, or the lines where tries differed: what is read depends on
whether the alert or a failed write is noticed first.
.B scripts/clients
in the source tree does it again.
.SH CLIENTS
"""

TAIL = r""".SH WHAT TO TELL THE USER
The certificate was issued by a CA that is trusted, and has not been published in a log, or not in enough of them.
Nothing in the client's configuration helps: the certificate has to be issued anew with SCTs in it, or its SCTs have
to reach the server in another way; see
.BR clientct\-reasons (7).
.SH CLIENTS THAT BRING SCTS THEMSELVES
In TLS 1.3 a client may send SCTs beside its certificate (RFC 8446, section 4.4.2), when the server asks for them.
OpenSSL's own client library cannot.
These can, and each was let in that way with a certificate that is refused without; what they send is what
.B "clientct submit"
has written, here in the file
.IR client.scts .
@SNIPPETS@.SH SEE ALSO
.BR clientct (1),
.BR clientct\-policy (7),
.BR clientct\-reasons (7),
.BR clientct\-servers (7)
"""


SNIPPETS = (
    ("go", "client.go.in", r"""Go's
.BR crypto/tls ,
where
.I pair
is what
.B tls.LoadX509KeyPair
has returned, and
.I scts
the file's name:
"""),
    ("nss", "nss.c.in", r"""NSS, by a hook of its experimental interface,
.IR sslexp.h :
"""),
    ("bouncycastle", "SctClient.java.in", r"""BouncyCastle's TLS, not by way of its JSSE; in
.BR TlsAuthentication.getClientCredentials ,
where
.I leaf
is the certificate's DER, and
.I key
an EC key on P-256:
"""),
)


def snippet(name):
    """What stands between "begin: SCTs" and "end" in a client's source, so that what is shown is what was run."""
    text = (CLIENTS / name).read_text(encoding="utf-8")
    lines = re.search(r"begin: SCTs.*\n((?:.*\n)*?).*\bend\b", text)[1].expandtabs(8).splitlines()
    margin = min(len(line) - len(line.lstrip()) for line in lines if line)
    return [line[margin:] for line in lines]


def snippets(rows):
    text = ""
    for name, source, title in SNIPPETS:
        if rows.get(name, {}).get("scts") == "in":
            text += f".PP\n{title}.PP\n.EX\n" + "".join(f"{roff(line)}\n" for line in snippet(source)) + ".EE\n"
    return text


def quoted(words):
    return words if words.startswith(NOTHING) else f'"{words}"'


def shown(found):
    return ", or ".join(quoted(words) for words in [found["unlogged"]["words"], *found["unlogged"].get("also", [])])


def neither(found):
    """Why a client is let in by no server."""
    return ("it sends no certificate: " if found["plain"].get("sent") is False else "") + quoted(found["good"]["words"])


def entry(client, row):
    title = client["title"]
    spoken = {number: found for number, found in row["versions"].items() if found["good"]["answer"] == "in"}
    others = {number: found for number, found in row["versions"].items() if number not in spoken}
    if any(found["plain"]["answer"] == "in" for found in others.values()):
        raise ValueError(f"{title} minds clientct, and the page says that none does")
    text = f".TP\n.B {roff(title)}\n"
    if spoken:
        text += f"{roff(by_version(spoken, shown))}.\n"
    if others:
        text += f"Let in neither with clientct nor without it in TLS {roff(' and '.join(others))}"
        text += f" ({roff(by_version(others, neither))}).\n"
    if "note" in client:
        text += f"{roff(client['note'])}\n"
    return f"{text}Tried{' in TLS ' + roff(' and '.join(spoken)) if spoken else ''} ({roff(row['version'])}).\n"


def page():
    rows = json.loads((CLIENTS / "results.json").read_text(encoding="utf-8"))
    text = HEAD.replace("DATE", max(row["date"] for row in rows.values()), 1)
    clients = described()
    for name in sorted(rows, key=lambda name: clients[name]["title"].lower()):
        text += entry(clients[name], rows[name])
    return text + TAIL.replace("@SNIPPETS@", snippets(rows))
