# SPDX-License-Identifier: Apache-2.0
"""The journal as journald keeps it: what a service wrote is told from what anybody could write into it."""
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from clientct import fixture, write_config, write_openssl_conf
from processes import TemporaryFolder, environment, free_port, run
from tap import Skip, case, equal, main

JOURNALD = next((path for path in ("/usr/lib/systemd/systemd-journald", "/lib/systemd/systemd-journald")
                 if os.path.exists(path)), None)
CLIENTCT = os.environ["CLIENTCT"]
UNIT = f"clientct-test-{os.getpid()}.service"

# Everything in a mount namespace with a /run of its own; $1 is the folder, $2 the port, $3 a control group or "".
SCRIPT = r"""
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/journal /run/log/journal
SYSTEMD_LOG_TARGET=null "$JOURNALD" &
journald=$!
tries=0
until [ -S /run/systemd/journal/socket ] || [ $tries -gt 300 ]; do sleep 0.1; tries=$((tries + 1)); done
( [ -z "$3" ] || echo 0 >"$3/cgroup.procs"
  OPENSSL_CONF="$1/openssl.cnf" exec openssl s_server -accept "$2" -cert "$PKI/server.pem" -key "$PKI/server.key" \
      -CAfile "$PKI/ca.pem" -Verify 3 -www -naccept 2 >"$1/server.log" 2>&1 ) &
server=$!
for client in unlogged good; do
    tries=0
    until grep -q "$client" "$1/asked" 2>/dev/null || [ $tries -gt 100 ]; do
        printf 'GET / HTTP/1.0\r\n\r\n' | openssl s_client -connect "127.0.0.1:$2" -cert "$PKI/client-$client.pem" \
            -key "$PKI/client-$client.key" -ign_eof >"$1/client.log" 2>&1 || :
        grep -q 'Connection refused' "$1/client.log" || echo "$client" >>"$1/asked"
        tries=$((tries + 1))
        sleep 0.1
    done
done
wait $server || :
logger --socket /run/systemd/journal/dev-log -t clientct <"$1/forged"
systemd-cat -t clientct <"$1/forged"
journalctl --sync 2>/dev/null || sleep 1
journalctl --no-pager -D /run/log/journal -t clientct -o json >"$1/journal.json"
journalctl --no-pager -D /run/log/journal -t clientct -o cat >"$1/cat"
kill $journald
"""


def control_group():
    """A group with the name of a service, by which journald knows one; None where none can be made."""
    for root in (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup/systemd")):
        slice_, made = root / "system.slice", None
        try:
            if not (root / "cgroup.procs").exists():
                continue
            slice_.mkdir(exist_ok=True)
            made = slice_ / UNIT
            made.mkdir()
            return made
        except OSError:
            continue
    return None


def remove(group):
    for path in (group, group.parent):
        try:
            path.rmdir()
        except OSError:
            pass  # the slice is others', too


@case
def entries_of_a_real_journal():
    if os.geteuid() != 0 or not JOURNALD or not shutil.which("journalctl"):
        raise Skip("needs root and journald")
    if run(["unshare", "-m", "-p", "-f", "--mount-proc", "true"])[0] != 0:
        raise Skip("namespaces cannot be made here")
    group = control_group()
    try:
        with TemporaryFolder() as folder:
            config = write_config(folder, audit="journald")
            write_openssl_conf(folder, config)
            forged = {"@timestamp": "2026-11-01T10:00:00.000Z", "event.module": "clientct",
                      "event.action": "client-certificate", "tls.client.hash.sha256": "AB" * 32,
                      "clientct.verdict": "refuse", "clientct.would_be": "refuse", "clientct.reason": "no-scts"}
            (folder / "forged").write_text(json.dumps(forged) + "\n")
            done = subprocess.run(["unshare", "-m", "-p", "-f", "--mount-proc", "sh", "-c", SCRIPT, "sh", folder,
                                   str(free_port()), group or ""],
                                  env=environment(None, JOURNALD=JOURNALD, PKI=str(fixture())), capture_output=True,
                                  timeout=100, check=False)
            equal(done.returncode, 0, f"status of {done}")
            status, text = run([CLIENTCT, "report", "--journal", "--json", folder / "journal.json"])
            answer = json.loads(text)
            entries = [json.loads(line) for line in (folder / "journal.json").read_text().splitlines()]
            equal(sum("clientct.verdict" in entry["MESSAGE"] for entry in entries), 4, f"decisions in {entries}")
            if group is None:  # then journald knows no service, and nobody is believed
                equal((status, answer["decisions"]), (3, 0), "the report without services")
            else:
                equal((status, answer["decisions"], answer["would_refuse"]), (1, 2, 1), f"the report {text}")
                equal([source["name"].split(",")[0] for source in answer["sources"]], [UNIT], "who is believed")
                equal(answer["unvouched_lines"] >= 2, True, f"lines of others in {text}")
                both = run([CLIENTCT, "report", "--exempt-list", "--journal", folder / "journal.json"])[1]
                equal("AB" * 32 in both.upper(), False, "whether the forged one is exempted")
            # What `-o cat` prints is believed from nobody.
            equal(run([CLIENTCT, "report", "-"], text_in=(folder / "cat").read_text())[0], 3, "of -o cat")
    finally:
        if group:
            time.sleep(0.1)
            remove(group)


if __name__ == "__main__":
    main()
