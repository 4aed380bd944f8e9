# SPDX-License-Identifier: Apache-2.0
"""The worked examples as they stand: checked, then at work in a server, the migration in its three steps.

Only what an operator has to fill in is replaced: the folders, the hashes (made by the commands that the examples
give), and the dates, which would otherwise pass by.
"""
import atexit
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from clientct import CTPKI, OPENSSL, ask, write_openssl_conf
from processes import LONGEST, Server, TemporaryFolder, environment, free_port, wait_until
from tap import case, equal, main, table

CLIENTCT = os.environ["CLIENTCT"]
EXAMPLES = Path(__file__).parents[2] / "module" / "examples"
ISSUER = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
DEVICE = "sha256:1f2e3d4c5b6a79880716253443526170ffeeddccbbaa99887766554433221100"

PKI = Path(tempfile.mkdtemp(prefix="clientct-examples-"))
atexit.register(shutil.rmtree, PKI, ignore_errors=True)

MINT = (
    "ca --out ca --cn House", "ca --out public-ca --cn Public",
    "log --out house", "log --out extra", "log --out our", "log --out our2", "log --out auditor",
    "log --out p1", "log --out p2", "log --out p3",
)
LISTS = {
    "house-log.json": ("house,description=House Log 2026,operator=House", "extra,description=Extra Log,operator=Extra"),
    "our-log.json": ("our,description=Our Log 2026,operator=Us", "our2,description=Our Second Log,operator=Us"),
    "auditors-log.json": ("auditor,description=Auditor Log 2026,operator=Auditor",),
    "public-logs.json": ("p1,operator=One", "p2,operator=Two", "p3,operator=Two"),
    "log_list.json": ("p1,operator=One", "p2,operator=Two"),
}
CLIENTS = {
    "unlogged": "--ca ca", "house": "--ca ca --sct log=house", "extra": "--ca ca --sct log=extra",
    "house-extra": "--ca ca --sct log=house --sct log=extra",
    "old": "--ca ca --not-before -30d", "device": "--ca ca",
    "our": "--ca ca --sct log=our", "ours": "--ca ca --sct log=our --sct log=our2",
    "both": "--ca ca --sct log=our --sct log=auditor", "foreign": "--ca ca --sct log=our2 --sct log=auditor",
    "public": "--ca public-ca --sct log=p1 --sct log=p2", "public-same": "--ca public-ca --sct log=p2 --sct log=p3",
    "public-house": "--ca public-ca --sct log=house", "private-in-public": "--ca ca --sct log=p1 --sct log=p2",
}
# What each example makes of clients.
VERDICTS = {
    "clientct": {"public": None, "unlogged": "no-scts", "house": "unknown-log"},
    "private-ca-one-log": {"house": None, "extra": "required-log-missing", "unlogged": "no-scts"},
    "two-parties-two-logs": {"both": None, "our": "too-few-scts", "ours": "too-few-scts",
                             "foreign": "required-log-missing", "unlogged": "no-scts"},
    "public-beside-private": {"public": None, "public-same": "too-few-operators", "public-house": "too-few-scts",
                              "house": None, "private-in-public": "required-log-missing", "unlogged": "no-scts"},
    "migration-1-report": {"house": None, "unlogged": "no-scts", "old": "no-scts", "device": "no-scts"},
    "migration-2-exempt": {"house": None, "unlogged": "no-scts", "old": None, "device": None},
    "migration-3-enforce": {"house": None, "unlogged": "no-scts", "old": "no-scts", "device": "no-scts"},
}


def mint(*words):
    subprocess.run([CTPKI, *map(str, words)], check=True, timeout=LONGEST, cwd=PKI)


def mint_all():
    PKI.chmod(0o755)
    for words in MINT:
        mint(*words.split())
    for name, logs in LISTS.items():
        mint("list", "--out", name, *logs)
    for name, words in CLIENTS.items():
        mint("cert", "--out", f"client-{name}", "--cn", name, *words.split())
    mint("cert", "--out", "server", "--ca", "ca", "--cn", "server", "--san", "DNS:localhost", "--server")
    certificates = [(PKI / name).read_text() for name in ("ca.pem", "public-ca.pem")]
    (PKI / "anchors.pem").write_text("".join(certificates))


def shell_in_comment(text, program):
    """The command line that a comment of the example gives."""
    return next(line.lstrip("# ") for line in text.splitlines() if line.startswith("#   " + program))


def hash_by(command, name, stand_in):
    """What an operator gets by following the comment for the certificate `name`."""
    done = subprocess.run(command.replace(stand_in, str(PKI / name)), shell=True, check=True, timeout=LONGEST,
                          stdout=subprocess.PIPE, env=environment())
    return "sha256:" + done.stdout.decode().split()[0]


def fill_in(name, folder):
    """The example with an operator's folders, hashes and dates."""
    text = (EXAMPLES / f"{name}.cnf").read_text()
    public = (EXAMPLES / "public-beside-private.cnf").read_text()
    migration = (EXAMPLES / "migration-2-exempt.cnf").read_text()
    text = text.replace(ISSUER, hash_by(shell_in_comment(public, "openssl x509 -in ca.pem"), "ca.pem", "ca.pem"))
    text = text.replace(DEVICE, hash_by(shell_in_comment(migration, "openssl x509 -in device.pem"),
                                        "client-device.pem", "device.pem"))
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    text = re.sub(r"(?m)^(issued_before *= ).*$", rf"\g<1>{yesterday:%Y-%m-%dT%H:%M:%SZ}", text)
    text = re.sub(r"(?m)^(expires *= ).*$", r"\g<1>2100-01-01T00:00:00Z", text)
    text = text.replace("/var/log/clientct", str(folder)).replace("/etc/clientct", str(PKI))
    if not re.search(r"(?m)^audit", text):  # the default is this machine's journal
        text = f"audit = file:{folder}/audit.json\n{text}"
    path = folder / "clientct.cnf"
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)
    return path


def tool(*words):
    done = subprocess.run([CLIENTCT, *map(str, words), "--json"], stdout=subprocess.PIPE, timeout=LONGEST, check=False)
    return json.loads(done.stdout)


def s_server(folder, config):
    port = free_port()
    return Server(folder, [OPENSSL, "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert", PKI / "server.pem",
                           "-key", PKI / "server.key", "-CAfile", PKI / "anchors.pem", "-Verify", "3",
                           "-verify_return_error"], environment(write_openssl_conf(folder, config)), port)


def served(server, client):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(PKI / "ca.pem")
    context.load_cert_chain(PKI / f"client-{client}.pem", PKI / f"client-{client}.key")
    return ask(server.port, context).served


def last_record(folder, client):
    """The server's last word on the client."""
    lines = (folder / "audit.json").read_text().splitlines()
    return [record for record in map(json.loads, lines)
            if record.get("tls.client.subject") == f"CN={client}"][-1]


def judged(folder, server, name):
    for client, reason in VERDICTS[name].items():
        report = name == "migration-1-report"
        answer = tool("verify", "--config", folder / "clientct.cnf", PKI / f"client-{client}.pem")
        equal((answer["compliant"], None if answer["compliant"] else answer["reason"]), (reason is None, reason),
              f"{name}: the tool on {client}")
        equal(served(server, client), reason is None or report, f"{name}: whether {client} is served")
        record = last_record(folder, client)
        equal((record["clientct.reason"], record["clientct.would_be"]),
              (answer["reason"], "accept" if reason is None else "refuse"), f"{name}: the record of {client}")


@case
def every_example_is_here():
    equal(sorted(path.stem for path in EXAMPLES.glob("*.cnf")), sorted(VERDICTS), "the examples")


@table(*((name,) for name in VERDICTS))
def check_finds_nothing_but_what_the_example_says(name):
    with TemporaryFolder() as folder:
        checked = tool("check", "--config", fill_in(name, folder))
        equal(checked["ok"], True, f"whether it is usable: {checked['problems']}")
        warned = ["their notBefore" in problem["text"] for problem in checked["problems"]]
        equal(warned, [True] if name == "migration-2-exempt" else [], f"the warnings: {checked['problems']}")


@table(*((name,) for name in VERDICTS))
def server_decides_as_the_example_says(name):
    with TemporaryFolder() as folder:
        with s_server(folder, fill_in(name, folder)).wait_ready() as server:
            judged(folder, server, name)


@case
def migration_is_made_in_a_running_server():
    with TemporaryFolder() as folder:
        config = fill_in("migration-1-report", folder)
        with s_server(folder, config).wait_ready() as server:
            judged(folder, server, "migration-1-report")
            fill_in("migration-2-exempt", folder)
            wait_until(lambda: not served(server, "unlogged"), "the second step to take effect")
            judged(folder, server, "migration-2-exempt")
            equal(last_record(folder, "device")["clientct.rule"], "broken_device", "the rule for the device")
            equal(last_record(folder, "old")["clientct.rule"], "old", "the rule for what is old")
            fill_in("migration-3-enforce", folder)
            wait_until(lambda: not served(server, "device"), "the third step to take effect")
            judged(folder, server, "migration-3-enforce")
            equal(served(server, "house-extra"), True, "whether a client in two logs is served")
            for client, compliant in ("house", False), ("house-extra", True):
                record = last_record(folder, client)
                equal((record["clientct.shadow.policy"], record["clientct.shadow.compliant"]), ("two_logs", compliant),
                      f"what the shadow policy says of {client}")


if __name__ == "__main__":
    mint_all()
    main()
