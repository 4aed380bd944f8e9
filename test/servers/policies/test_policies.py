# SPDX-License-Identifier: Apache-2.0
"""Rules, modes, presets and states in nginx with two server names and two CAs, each case decided by the tool as well.

cases.json has what is minted, the configurations, and for each of them the clients and what becomes of them. A case is
right when nginx answers as the table says, with TLS 1.2 and 1.3, and when both the record that the server wrote and
`clientct verify` on the same inputs give the reason, the policy and the rule of the table.
"""
import atexit
import json
import os
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

from clientct import CTPKI, OPENSSL, VERSIONS, ask, need_same_openssl, write_openssl_conf
from processes import LONGEST, Server, TemporaryFolder, environment, free_port, program, wait_until
from tap import contains, equal, main, need, table

CLIENTCT = os.environ["CLIENTCT"]
NGINX = program("nginx")
need(NGINX, "nginx")
need_same_openssl(NGINX, "nginx")
HERE = Path(__file__).parent
CASES = json.loads((HERE / "cases.json").read_text())

PKI = Path(tempfile.mkdtemp(prefix="clientct-policies-"))
atexit.register(shutil.rmtree, PKI, ignore_errors=True)


def mint(*words):
    subprocess.run([CTPKI, *map(str, words)], check=True, timeout=LONGEST, cwd=PKI)


def first_certificate(path):
    text = path.read_text()
    end = "-----END CERTIFICATE-----\n"
    return text[:text.index(end) + len(end)]


def mint_odd_ones():
    """What ctpki does not make: a client that is its own anchor, and one that sends another chain."""
    subprocess.run([OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=self", "-days", "30", "-keyout", "client-self.key", "-out", "client-self.pem",
                    "-addext", "basicConstraints=CA:FALSE", "-addext", "extendedKeyUsage=clientAuth"],
                   check=True, timeout=LONGEST, cwd=PKI, stderr=subprocess.DEVNULL, env=environment())
    shutil.copy(PKI / "client-self.pem", PKI / "self-leaf.pem")
    (PKI / "client-cross-a.pem").write_text(first_certificate(PKI / "client-sub-a.pem") +
                                            first_certificate(PKI / "cross.pem"))
    shutil.copy(PKI / "client-sub-a.key", PKI / "client-cross-a.key")


def mint_all():
    PKI.chmod(0o755)
    for words in CASES["mint"]:
        mint(*words.split())
    for name, words in CASES["clients"].items():
        mint("cert", "--out", f"client-{name}", "--cn", name, *words.split())
    mint("cert", "--out", "server", "--ca", "own", "--cn", "server", "--san", "DNS:localhost", "--server")
    mint_odd_ones()
    (PKI / "anchors.pem").write_text("".join(first_certificate(PKI / name)
                                             for name in ("own.pem", "partner.pem", "self-leaf.pem")))
    (PKI / "ocsp").mkdir()
    mint("ocsp", "--store", "ocsp", "--cert", "client-own-revoked", "--ca", "own", "--status", "revoked")


def write_settings(folder, lines):
    config = folder / "clientct.cnf"
    text = f"audit = file:{folder}/audit.json\n" + "".join(f"{line}\n" for line in lines)
    config.write_text(text.replace("@/", f"{PKI}/"))
    return config


def nginx(folder, config):
    port = free_port()
    text = (HERE / "nginx.conf.in").read_text()
    for name, value in {"user": "user root;" if os.geteuid() == 0 else "", "folder": folder, "pki": PKI,
                        "port": port}.items():
        text = text.replace(f"@{name}@", str(value))
    (folder / "nginx.conf").write_text(text)
    return Server(folder, [NGINX, "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"],
                  environment(write_openssl_conf(folder, config)), port)


def tool(*words):
    done = subprocess.run([CLIENTCT, *map(str, words), "--json"], stdout=subprocess.PIPE, timeout=LONGEST, check=False)
    return json.loads(done.stdout)


def ended(detail):
    """What the detail says of an exemption that has ended."""
    return detail[detail.index("the exemption of"):] if "the exemption of" in detail else None


def decided_by_tool(config, client, server_name):
    """What `clientct verify` says of the same inputs: the client's file has its chain but for the root."""
    anchors = () if client == "self" else ("--chain", PKI / ("partner.pem" if client == "cross-a" else "anchors.pem"))
    named = ("--server-name", server_name) if server_name is not None else ()
    answer = tool("verify", "--config", config, *named, *anchors, PKI / f"client-{client}.pem")
    shadow = answer["shadow"]
    return {"accept": answer["verdict"] == "accept", "reason": answer["reason"], "policy": answer["policy"],
            "rule": answer["rule"], "mode": answer["mode"], "exemption": ended(answer["detail"]),
            "shadow": shadow and (shadow["policy"], shadow["compliant"], shadow["reason"])}


def records(folder):
    path = folder / "audit.json"
    lines = path.read_text().splitlines() if path.exists() else []
    return [record for record in map(json.loads, lines) if "clientct.verdict" in record]


def decided_by_server(record):
    shadow = record.get("clientct.shadow.policy")
    return {"accept": record["clientct.verdict"] == "accept", "reason": record["clientct.reason"],
            "policy": record.get("clientct.policy"), "rule": record.get("clientct.rule"),
            "mode": record["clientct.mode"], "exemption": ended(record.get("clientct.detail", "")),
            "shadow": shadow and (shadow, record["clientct.shadow.compliant"], record["clientct.shadow.reason"])}


def client_context(client, version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(PKI / "own.pem")
    context.load_cert_chain(PKI / f"client-{client}.pem", PKI / f"client-{client}.key")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
    return context


def judge(folder, config, server, case, version):
    client, name, status, reason, policy, rule = case[:6]
    host = case[6] if len(case) > 6 else name or "one.example"
    what = f"{client}, server name {name}, host {host}, {version}"
    before = len(records(folder))
    by_tool = decided_by_tool(config, client, name)
    answer = ask(server.port, client_context(client, version), server_name=name,
                 request=f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n")
    equal((by_tool["reason"], by_tool["policy"], by_tool["rule"]), (reason, policy, rule), f"{what}: the tool")
    equal(answer.status, status, f"{what}: the status of the answer ({answer.alert}); the server says\n"
                                 + server.output())
    equal(by_tool["accept"], status != 400, f"{what}: whether the tool accepts")
    wait_until(lambda: len(records(folder)) > before, f"a record of {what}")
    equal(decided_by_server(records(folder)[-1]), by_tool, f"{what}: the server's record beside the tool's answer")


@table(*((configuration["name"],) for configuration in CASES["configurations"]))
def server_and_tool_decide_as_the_table_says(name):
    configuration = next(entry for entry in CASES["configurations"] if entry["name"] == name)
    with TemporaryFolder() as folder:
        config = write_settings(folder, configuration["lines"])
        checked = tool("check", "--config", config)
        equal(checked["ok"], not configuration.get("stale", False), f"whether check finds it usable: {checked}")
        for words in configuration.get("warns", ()):
            contains(json.dumps(checked["problems"]), words, "what check says")
        with nginx(folder, config).wait_ready() as server:
            for case in configuration["cases"]:
                for version in VERSIONS:
                    judge(folder, config, server, case, version)


if __name__ == "__main__":
    mint_all()
    main()
