# SPDX-License-Identifier: Apache-2.0
"""Gives in_process.c and handshakes.c certificates and a configuration; cases and report are the program's."""
import os
import subprocess
import sys

from clientct import CTPKI, fixture, write_config, write_openssl_conf
from processes import TemporaryFolder, environment

PKI = fixture()
subprocess.run([CTPKI, "scts", "--out", PKI / "client-unlogged.scts", "--cert", PKI / "client-unlogged", "--issuer",
                PKI / "ca", "--sct", f"log={PKI}/log-a"], check=True)

with TemporaryFolder() as folder:
    config = write_config(folder)
    conf = write_openssl_conf(folder, config, entry=sys.argv[1])
    bare = write_openssl_conf(folder, config, entry=sys.argv[1], dead_man_switch=False, name="without-switch.cnf")
    done = subprocess.run([os.environ["IN_PROCESS"]], check=False, timeout=280, env=environment(
        conf, FIXTURE=str(PKI), CLIENTCT_CNF=str(config), CONF_WITHOUT_SWITCH=str(bare), ENTRY=sys.argv[1],
        CK_TAP_LOG_FILE_NAME="-", CK_VERBOSITY="silent"))
    sys.exit(done.returncode)
