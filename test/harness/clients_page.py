# SPDX-License-Identifier: Apache-2.0
"""What the table of clients says, as a manual page, from test/clients/results.json."""
import json

from client_rows import CLIENTS, described
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
with clientct, which asks for SCTs in TLS 1.3 (an extension in CertificateRequest, which none of them minds).
With a logged certificate all were let in, in the versions that they speak.
This is the line that each showed with an unlogged one;
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
Go's
.B crypto/tls
does, with what
.B "clientct submit"
has written, here for one SCT list in the file
.IR client.scts :
.PP
.EX
pair, err := tls.LoadX509KeyPair("client.pem", "client.key")
list, err := os.ReadFile("client.scts") // a SignedCertificateTimestampList: lengths of two bytes
for rest := list[2:]; len(rest) >= 2; {
        size := int(rest[0])<<8 | int(rest[1])
        pair.SignedCertificateTimestamps = append(pair.SignedCertificateTimestamps, rest[2:2+size])
        rest = rest[2+size:]
}
.EE
.SH SEE ALSO
.BR clientct (1),
.BR clientct\-policy (7),
.BR clientct\-reasons (7),
.BR clientct\-servers (7)
"""


def page():
    rows = json.loads((CLIENTS / "results.json").read_text(encoding="utf-8"))
    text = HEAD.replace("DATE", max(row["date"] for row in rows.values()), 1)
    clients = described()
    for name in sorted(rows, key=lambda name: clients[name]["title"].lower()):
        row = rows[name]
        spoken = {number: found for number, found in row["versions"].items() if found["good"]["answer"] == "in"}
        said = by_version(spoken, lambda found: f'"{found["unlogged"]["words"]}"' if found["unlogged"]["words"]
                          else "nothing")
        text += f".TP\n.B {roff(clients[name]['title'])}\n{roff(said)}.\nTried in TLS {roff(' and '.join(spoken))}"
        text += f" ({roff(row['version'])}).\n" if row.get("version") else ".\n"
    return text + TAIL
