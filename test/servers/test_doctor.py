"""clientct doctor: what it says of programs, units, processes and servers is what they do."""
import itertools
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from clientct import (CTPKI, MODULE, VERSIONS, ask, client_context, fixture, s_server, write_config,
                      write_openssl_conf)
from daemons import ROOT, haproxy, nginx
from processes import TemporaryFolder, environment, free_port, program, run, wait_until
from tap import Skip, case, contains, equal, lacks, main, table

CLIENTCT = os.environ["CLIENTCT"]
ON, NOT_ON, UNKNOWN, DENIES, WATCHES = 0, 1, 3, 4, 5
OPENSSL = program("openssl")


def doctor(*arguments, env=None, status):
    found, text = run([CLIENTCT, "doctor", *arguments], env or environment(), seconds=100)
    equal(found, status, f"doctor {arguments}:\n{text}")
    return text


def good(folder=None):
    """The options that show it a client who must get in."""
    return ["--good-cert", fixture() / "client-good.pem", "--good-key", fixture() / "client-good.key"]


# Before the start.

@table(*((words, status, said) for words, status, said in (
    ("", ON, "was refused: clientct: refused client certificate: no-scts"),
    ("mode=report", WATCHES, "was let in, as mode = report has it"),
    ("mode=off", NOT_ON, "was let in (mode off"),
    ("missing", DENIES, "refuses every certificate"),
    ("no-list", DENIES, "refuses every certificate"),
    ("exempt", NOT_ON, "was let in (mode enforce, exempt)"))))
def tries_the_programs_own_openssl(words, status, said):
    with TemporaryFolder() as folder:
        config = write_config(folder, **({"mode": words[5:]} if words.startswith("mode=") else {}),
                              log_list="/nonexistent" if words == "no-list" else None)
        if words == "missing":
            config.unlink()
        elif words == "exempt":
            config.write_text(config.read_text() + "rules = rules\n[rules]\nall = all\n[all]\n"
                              "issued_after = 2020-01-01T00:00:00Z\nexempt = yes\n")
        contains(doctor("--", "openssl", "s_server", env=environment(write_openssl_conf(folder, config)),
                        status=status), said, "what it says")


@case
def shows_a_client_that_must_get_in():
    with TemporaryFolder() as folder:
        env = environment(write_openssl_conf(folder, write_config(folder)))
        text = doctor(*good(), "--", "openssl", env=env, status=ON)
        equal(text.count("client-good.pem was let in (compliant)"), 2, "versions in which it got in")
        config = write_config(folder, policy="three")
        config.write_text(config.read_text() + "[three]\nmin_scts = 3\n")
        contains(doctor(*good(), "--", "openssl", env=env, status=DENIES), "client-good.pem was refused", "it")


@table(
    ("without the variable", None, NOT_ON, "no component has come into the process"),
    ("config_diagnostics in the section", lambda text: text.replace("[init]\n", "[init]\nconfig_diagnostics = 1\n"),
     NOT_ON, "cannot be initialised"),
    ("a failing line before", lambda text: text.replace("[init]\n", "[init]\nssl_conf = nowhere\n")
     .replace("config_diagnostics = 1\n", ""), NOT_ON, "no component has come into the process"),
    ("a key of another distribution", lambda text: text.replace("[switch]\n", "[switch]\nrh-allow-sha1 = yes\n")
     .replace("config_diagnostics = 1\n", ""), NOT_ON, "no component has come into the process"),
    ("an unknown module", lambda text: text.replace("[init]\n", "[init]\nnone = none\n")
     .replace("config_diagnostics = 1\n", ""), NOT_ON, "no component has come into the process"),
    ("another case", lambda text: text.replace("openssl_conf", "Openssl_conf"), NOT_ON, "no component has come"),
    ("no component", lambda text: text.replace(MODULE, "/nonexistent/clientct.so"), NOT_ON, "no SSL_CTX can be made"),
    ("a relative path", lambda text: text.replace(MODULE, "clientct.so"), NOT_ON, "no SSL_CTX can be made"),
    ("a weak switch", lambda text: text.replace("clientct=loaded", "?clientct=loaded"), ON, "no dead-man switch"),
    ("no switch", lambda text: text.replace("alg_section = switch\n", ""), ON, "no dead-man switch"),
    ("fips beside the switch", lambda text: text.replace("clientct=loaded", "clientct=loaded,fips=yes"), NOT_ON,
     "no SSL_CTX can be made"),
    ("a syntax error", lambda text: "[unclosed\n" + text, NOT_ON, "no component has come into the process"),
    ("a foreign key", lambda text: text.replace("[clientct_module]\n", "[clientct_module]\nconfg = /x\n"), DENIES,
     "confg"))
def says_what_becomes_of_openssl_cnf(_what, change, status, said):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        if change:
            conf.write_text(change(conf.read_text()))
        text = doctor("--", "openssl", env=environment(conf if change else None), status=status)
        contains(text, said, "what it says")


@case
def misspelt_config_of_a_provider_shows_in_what_is_read():
    """The provider cannot see that key; what it reads instead is not what was meant."""
    with TemporaryFolder() as folder:
        config = write_config(folder)
        conf = write_openssl_conf(folder, config, "provider")
        conf.write_text(conf.read_text().replace(f"config = {config}", f"confg = {config}"))
        text = doctor("--config", config, "--", "openssl", env=environment(conf), status=NOT_ON)
        contains(text, f"reads /etc/clientct/clientct.cnf, not {config}", "what it says")


@case
def looks_for_nginx_own_key():
    nginx_path = program("nginx")
    if not nginx_path or b"OPENSSL_INIT_set_config_appname" not in Path(nginx_path).read_bytes():
        raise Skip("nginx before 1.26, or none")
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        conf.write_text(conf.read_text().replace("nginx = init", "nginx = other"))
        doctor("--", nginx_path, env=environment(conf), status=NOT_ON)


@case
def node_looks_for_its_own_key_alone():
    """And carries an OpenSSL of its own, in the program itself or as a library."""
    node = "/usr/bin/node"
    if not os.path.exists(node) or b"OPENSSL_INIT_set_config_appname" not in Path(node).read_bytes():
        raise Skip("there is no Node.js with its OpenSSL in it")
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        doctor("--", node, env=environment(conf), status=NOT_ON)
        conf.write_text(conf.read_text().replace("openssl_conf = init", "nodejs_conf = init"))
        contains(doctor("--", node, env=environment(conf), status=ON), "by its key nodejs_conf", "what it says")


@case
def another_key_can_be_named():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        conf.write_text(conf.read_text().replace("openssl_conf = init", "mine = init"))
        doctor("--", "openssl", env=environment(conf), status=NOT_ON)
        doctor("--config-name", "mine", "--", "openssl", env=environment(conf), status=ON)


@case
def programs_that_ignore_the_environment():
    if not ROOT:
        raise Skip("needs root")
    with TemporaryFolder() as folder:
        folder.chmod(0o755)
        conf = write_openssl_conf(folder, write_config(folder))
        copy = folder / "openssl"
        shutil.copy(OPENSSL, copy)
        os.chown(copy, 65534, 65534)
        copy.chmod(0o4755)
        contains(doctor("--", copy, env=environment(conf), status=NOT_ON), "setuid", "of a setuid program")


@case
def what_it_cannot_see_it_does_not_say():
    with TemporaryFolder() as folder:
        env = environment(write_openssl_conf(folder, write_config(folder)))
        contains(doctor("--", "/bin/true", env=env, status=UNKNOWN), "has no OpenSSL 3", "of a program without OpenSSL")
        contains(doctor("--", "no-such-program", env=env, status=UNKNOWN), "nowhere in PATH", "of nothing")
        source = folder / "static.c"
        source.write_text('#include <stdio.h>\nint main(void) { FILE *f = fopen("ran", "w"); return f == NULL; }\n')
        for name, options in (("static", ["-static"]), ("dynamic", [])):
            subprocess.run(["cc", *options, "-o", folder / name, source], check=True)
            doctor("--", folder / name, env=env, status=UNKNOWN)
            equal(Path("ran").exists() or (folder / "ran").exists(), False, f"whether the {name} program was run")


@case
def openssl_that_comes_later_is_named():
    """Python has its OpenSSL in a module, Apache in mod_ssl."""
    python = "/usr/bin/python3"
    module = os.path.exists(python) and run([python, "-c", "import _ssl; print(_ssl.__file__)"])[1].strip()
    if not module or not module.endswith(".so"):
        raise Skip("no Python of Debian")
    with TemporaryFolder() as folder:
        env = environment(write_openssl_conf(folder, write_config(folder)))
        contains(doctor("--", python, env=env, status=UNKNOWN), "--library", "what it says")
        doctor("--library", module, "--", python, env=env, status=ON)
        script = folder / "server"
        script.write_text(f"#!/usr/bin/env -S {python}\n")
        script.chmod(0o755)
        contains(doctor("--library", module, "--", script, env=env, status=ON), str(script), "it")


@case
def leaves_no_trace_in_the_records():
    with TemporaryFolder() as folder:
        (folder / "metrics").mkdir()
        config = write_config(folder, audit=f"file:{folder}/audit.json", metrics=folder / "metrics")
        doctor("--", "openssl", env=environment(write_openssl_conf(folder, config)), status=ON)
        equal(((folder / "audit.json").exists(), os.listdir(folder / "metrics")), (False, []), "audit and metrics")


@case
def notes_what_the_systems_file_loses():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), rest="[s]\nsystem_default = d\n[d]\n"
                                  "MinProtocol = TLSv1.3\nOptions = -SessionTicket\n")
        lacks(doctor("--", "openssl", env=environment(conf), status=ON), "taken away", "what it says")
        conf.write_text(conf.read_text().replace("clientct = clientct_module\n",
                                                 "clientct = clientct_module\nssl_conf = s\n"))
        text = doctor("--", "openssl", env=environment(conf), status=ON)
        contains(text, "MinProtocol", "what differs")
        contains(text, "TLS 1.2      is not spoken", "of TLS 1.2")


@case
def as_the_user_who_cannot_read():
    """OpenSSL goes on without a file that it cannot read, and says nothing."""
    if not ROOT:
        raise Skip("needs root")
    with TemporaryFolder() as folder:
        folder.chmod(0o755)
        config = write_config(folder)
        conf = write_openssl_conf(folder, config)
        as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", CLIENTCT, "doctor", "--",
                     OPENSSL]
        shutil.copy(MODULE, folder / "clientct.so")
        conf.write_text(conf.read_text().replace(MODULE, str(folder / "clientct.so")))
        if run(["setpriv", "--reuid", "65534", "--clear-groups", CLIENTCT, "version"])[0] != 0:
            raise Skip("nobody cannot run what was built here")
        equal(run(as_nobody, environment(conf))[0], ON, "the answer with readable files")
        config.chmod(0o600)
        equal(run(as_nobody, environment(conf))[0], DENIES, "the answer with an unreadable clientct.cnf")
        conf.chmod(0o600)
        status, text = run(as_nobody, environment(conf))
        equal(status, NOT_ON, "the answer with an unreadable openssl.cnf")
        contains(text, "cannot be opened: Permission denied; OpenSSL then goes on", "what it says")


# Units.

UNITS = Path("/run/systemd/system")


class Unit:
    """A service of its own, and what it needs; all of it is removed at the end."""

    def __init__(self, parent=None):
        self.name = f"clientct-test-{os.getpid()}"
        self.made = not UNITS.exists()
        self.parent = parent

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="clientct-", dir=self.parent)
        self.folder = Path(self.temporary.name)
        self.folder.chmod(0o755)
        for part in (MODULE, fixture() / "log_list.json"):
            shutil.copy(part, self.folder)
        config = write_config(self.folder, log_list=self.folder / "log_list.json")
        self.conf = write_openssl_conf(self.folder, config)
        self.conf.write_text(self.conf.read_text().replace(MODULE, str(self.folder / "clientct.so")))
        UNITS.mkdir(parents=True, exist_ok=True)
        return self

    def fill(self, text):
        return text.format(conf=self.conf, folder=self.folder, name=self.name, openssl=OPENSSL)

    def write(self, path, text):
        """`path` below the folder of units; of the unit's own file, without one."""
        file = UNITS / self.fill(path or "{name}.service")
        file.parent.mkdir(exist_ok=True)
        file.write_text(self.fill(text))

    def ask(self, status):
        return doctor("--unit", self.name, status=status)

    def __exit__(self, *_):
        for path in UNITS.iterdir():
            if path.name.startswith("clientct-") or path.name == "service.d":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if self.made:
            shutil.rmtree(UNITS.parent, ignore_errors=True)
        self.temporary.cleanup()


@case
def reads_units_as_systemd_does():
    if not ROOT:
        raise Skip("needs root")
    with Unit() as unit:
        (unit.folder / "env").write_text(f'# one\nOPENSSL_CONF="{unit.conf}"\n')
        unit.write("", "[Unit]\nDescription=x\n[Service]\nExecStart=-{openssl} s_server \\\n  -www\n"
                       "LimitNOFILE=512\nProtectSystem=strict\n")
        contains(unit.ask(NOT_ON), "OPENSSL_CONF=(not set)", "without the variable")
        unit.write("{name}.service.d/20.conf", '[Service]\nEnvironment="OPENSSL_CONF={conf}" A=b\n')
        text = unit.ask(ON)
        contains(text, f"OPENSSL_CONF={unit.conf}", "with a drop-in")
        contains(text, "ProtectSystem", "what was not tried")
        unit.write("{name}.service.d/30.conf", "[Service]\nEnvironment=\n")
        unit.ask(NOT_ON)
        unit.write("{name}.service.d/40.conf",
                   "[Service]\nEnvironmentFile=-/nonexistent\nEnvironmentFile={folder}/env\n")
        unit.ask(ON)
        unit.conf.chmod(0o600)
        unit.write("{name}.service.d/50.conf", "[Service]\nUser=nobody\n")
        contains(unit.ask(NOT_ON), "Permission denied", "as the user of the unit")
    contains(doctor("--unit", "no-such-unit", status=UNKNOWN), "no unit file", "of no unit")


SERVICE = "[Service]\nExecStart={openssl}\n"
OURS = SERVICE + "Environment=OPENSSL_CONF={conf}\n"


# What systemd reads in its own way: files of the unit by their names ("" is its own), and the answer.
@table(
    ("a comment between joined lines", {"": SERVICE + "Environment=A=1 \\\n# OPENSSL_CONF={conf} \\\nB=2\n"}, NOT_ON),
    ("a comment that ends in a backslash", {"": SERVICE + "# x \\\nEnvironment=OPENSSL_CONF={conf}\n"}, ON),
    ("a line that goes on", {"": SERVICE + "Environment=A=1 \\\n\n  OPENSSL_CONF={conf}\n"}, ON),
    ("another section", {"": OURS + "[Install]\nEnvironment=OPENSSL_CONF=/nowhere\n"}, ON),
    ("a value in quotes", {"": SERVICE + "Environment='A=b \\x22' \"OPENSSL_CONF={conf}\"\n"}, ON),
    ("a quote without end", {"": OURS + "Environment=\"A=b\n"}, UNKNOWN),
    ("files by a pattern", {"": OURS + "EnvironmentFile=-{folder}/*.env\n", "+a.env": "OPENSSL_CONF=/nowhere\n"},
     NOT_ON),
    ("a value that goes on", {"": SERVICE + "EnvironmentFile={folder}/env\n", "+env": "A=b \\\nOPENSSL_CONF={conf}\n"},
     NOT_ON),
    ("a shell's file", {"": SERVICE + "EnvironmentFile={folder}/env\n", "+env": "export OPENSSL_CONF={conf}\n"},
     NOT_ON),
    ("blanks and quotes in a file", {"": SERVICE + "EnvironmentFile={folder}/env\n",
                                     "+env": " OPENSSL_CONF = \"{conf}\" \n"}, ON),
    ("a value with blanks", {"": OURS + "EnvironmentFile={folder}/env\n", "+env": "OPENSSL_CONF={conf} and more\n"},
     NOT_ON),
    ("a comment that goes on in a file", {"": OURS + "EnvironmentFile={folder}/env\n",
                                          "+env": "# x \\\nOPENSSL_CONF=/nowhere\n"}, (NOT_ON, UNKNOWN)),
    ("a file that must be there", {"": OURS + "EnvironmentFile={folder}/none\n"}, UNKNOWN),
    ("a drop-in for all of a prefix", {"": OURS, "clientct-test-.service.d/a.conf": "[Service]\nEnvironment=\n"},
     NOT_ON),
    ("a drop-in for all services", {"": OURS, "service.d/a.conf": "[Service]\nUnsetEnvironment=OPENSSL_CONF\n"},
     NOT_ON),
    ("a drop-in of another name", {"": OURS, ">clientct-alias.service": "{name}.service",
                                   "clientct-alias.service.d/a.conf": "[Service]\nEnvironment=\n"}, NOT_ON),
    ("it is another one's name", {">{name}.service": "clientct-real.service", "clientct-real.service": OURS,
                                  "clientct-real.service.d/a.conf": "[Service]\nEnvironment=\n"}, NOT_ON),
    ("a drop-in that is masked", {"": OURS, ">{name}.service.d/a.conf": "/dev/null"}, ON),
    ("a masked unit", {">{name}.service": "/dev/null"}, UNKNOWN),
    ("what the manager passes on", {"": SERVICE + "PassEnvironment=OPENSSL_CONF\n"}, UNKNOWN),
    ("a relative name", {"": SERVICE + "Environment=OPENSSL_CONF=openssl.cnf\n"}, NOT_ON),
    ("the directory of a relative name", {"": SERVICE + "Environment=OPENSSL_CONF=openssl.cnf\n"
                                              "WorkingDirectory=-{folder}\n"}, ON),
    ("a specifier", {"": OURS.replace("{conf}", "%E/../{conf}")}, ON),
    ("a specifier that is not known", {"": OURS + "Environment=X=%q\n"}, UNKNOWN),
    ("PrivateTmp", {"": OURS + "PrivateTmp=yes\n"}, NOT_ON),
    ("PrivateTmp taken back", {"": OURS + "PrivateTmp=yes\nPrivateTmp=no\n"}, ON),
    ("TemporaryFileSystem", {"": OURS + "TemporaryFileSystem={folder}:ro\n"}, NOT_ON),
    ("InaccessiblePaths", {"": OURS + "InaccessiblePaths=-/none {conf}\n"}, NOT_ON),
    ("InaccessiblePaths taken back", {"": OURS + "InaccessiblePaths={conf}\nInaccessiblePaths=\n"}, ON),
    ("another file in its place", {"": OURS + "BindReadOnlyPaths=/dev/null:{conf}:norbind\n"}, NOT_ON),
    ("ours in another's place", {"": SERVICE + "Environment=OPENSSL_CONF={folder}/x\nBindPaths={conf}:{folder}/x\n",
                                 "+x": ""}, ON),
    ("DynamicUser", {"": OURS + "DynamicUser=yes\n"}, NOT_ON),
    ("without CAP_DAC_OVERRIDE", {"": OURS + "CapabilityBoundingSet=CAP_CHOWN\n", "!openssl.cnf": "600"}, NOT_ON),
    ("without two capabilities", {"": OURS + "CapabilityBoundingSet=~CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH\n",
                                  "!openssl.cnf": "600"}, NOT_ON),
    ("with the capabilities", {"": OURS + "CapabilityBoundingSet=~CAP_CHOWN\n", "!openssl.cnf": "600"}, ON),
    ("PrivateUsers", {"": OURS + "PrivateUsers=yes\n", "!openssl.cnf": "600"}, NOT_ON),
    ("with all rights", {"": OURS.replace("={openssl}", "=+{openssl}") + "User=nobody\nPrivateTmp=yes\n",
                         "!openssl.cnf": "600"}, ON),
    ("a view that is not played", {"": OURS + "RootImage=/x.raw\n"}, UNKNOWN))
def units_are_played_as_systemd_would(_what, files, status):
    if not ROOT:
        raise Skip("needs root")
    with Unit() as unit:
        for name, text in files.items():
            if name.startswith("+"):
                (unit.folder / name[1:]).write_text(unit.fill(text))
            elif name.startswith(">"):
                link = UNITS / unit.fill(name[1:])
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(unit.fill(text))
            elif name.startswith("!"):
                os.chown(unit.folder / name[1:], 65534, 65534)
                (unit.folder / name[1:]).chmod(int(text, 8))
            else:
                unit.write(name, text)
        before = os.getcwd()
        os.chdir(unit.folder)  # which is not where a service is
        try:
            found, text = run([CLIENTCT, "doctor", "--unit", unit.name], environment(), seconds=100)
        finally:
            os.chdir(before)
        equal(found in (status if isinstance(status, tuple) else (status,)), True, f"{found}:\n{text}")


@case
def homes_that_are_hidden():
    if not ROOT:
        raise Skip("needs root")
    with Unit("/root") as unit:
        unit.folder.chmod(0o755)
        unit.write("", OURS)
        unit.ask(ON)
        for value, status in (("read-only", ON), ("yes", NOT_ON), ("tmpfs", NOT_ON), ("no", ON)):
            unit.write("{name}.service.d/a.conf", f"[Service]\nProtectHome={value}\n")
            unit.ask(status)


# Processes.

@case
def processes_say_what_is_in_force():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            pid = server.process.pid
            contains(doctor("--pid", pid, status=ON), "enforce, generation 1 of", "what it says")
            for number, version in enumerate(VERSIONS, 1):  # each connection is judged once
                equal(ask(server.port, client_context("good", version)).served, True, f"good with {version}")
                contains(doctor("--pid", pid, status=ON), f"{number} verdicts, 0 refused", "what it counts")
                contains(doctor("--pid", pid, status=ON), f"{number} resumable", "what became of sessions")
            answer = json.loads(doctor("--pid", pid, "--json", status=ON))
            equal((answer["answer"], {row["status"] for row in answer["findings"]}), ("on", {"good", "note"}), "answer")
            doctor("--pid", pid, "--config", os.path.relpath(config), status=ON)
            contains(doctor("--pid", pid, "--config", "/another.cnf", status=NOT_ON), "not /another.cnf", "it")
            config.write_text(config.read_text() + "mode = off\n")  # nobody has connected, so nobody has looked
            contains(doctor("--pid", pid, status=ON), "say something else by now", "of a file that has changed")
            both = ["--connect", f"127.0.0.1:{server.port}", "--cert", fixture() / "client-unlogged.pem", "--key",
                    fixture() / "client-unlogged.key"]
            wait_until(lambda: run([CLIENTCT, "doctor", *both])[0] == NOT_ON, "the server to look at its files")
            contains(doctor("--pid", pid, status=NOT_ON), "off, generation 2", "when it is in force")
        with s_server(folder, "/dev/null", name="other").wait_ready() as server:
            contains(doctor("--pid", server.process.pid, status=NOT_ON), "is not loaded into process", "it")
        contains(doctor("--pid", 2 ** 22 + 1, status=NOT_ON), "no process", "of no process")


@table(("mode = report", WATCHES, "report, generation 1"), ("mode = off", NOT_ON, "off, generation 1"),
       ("polcy = one", DENIES, "polcy"))
def processes_have_words_for_every_answer(line, status, said):
    with TemporaryFolder() as folder:
        config = write_config(folder)
        config.write_text(config.read_text() + line + "\n")
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            contains(doctor("--pid", server.process.pid, status=status), said, "what it says")
            if status != NOT_ON:
                doctor("--pid", server.process.pid, "--accept", "denies", "--accept", "watches", status=ON)


@case
def denial_by_openssl_cnf_shows_in_the_process():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), section="confg = /tmp/x")
        with s_server(folder, conf).wait_ready() as server:
            contains(doctor("--pid", server.process.pid, status=DENIES), "confg", "what it says")


@case
def all_processes_of_a_server():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        with nginx(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            pid = server.process.pid
            server.served("unlogged")
            text = doctor("--pid", pid, status=ON)
            equal(text.count("enforce, generation"), 3, "processes")
            contains(text, "refused, no-scts", "the last verdict")
            contains(text, "user 65534)" if ROOT else "user", "whose rights are tried")
            worker = run(["pgrep", "-P", str(pid)])[1].split()[0]
            equal(doctor("--pid", worker, status=ON).count("enforce, generation"), 3, "processes, by a worker's number")


TWO_PROCESSES = """
import os, socket, ssl, subprocess, sys, time
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
if len(sys.argv) == 3:
    env = {k: v for k, v in os.environ.items() if k != "OPENSSL_CONF"}
    subprocess.Popen([sys.argv[2], __file__, sys.argv[1]], env=env)
else:
    listener = socket.create_server(("127.0.0.1", 0)) if sys.argv[1] == "serves" else None
    print("ready", flush=True)
time.sleep(60)
"""


@table(("serves", "the same", NOT_ON), ("serves", "another", UNKNOWN), ("waits", "the same", ON))
def a_process_that_is_left_out(what, program_of_child, status):
    """As nginx's new master is, where an upgrade by USR2 loses the variable."""
    python = os.path.realpath("/usr/bin/python3")
    if not os.path.exists(python):
        raise Skip("no Python of Debian")
    with TemporaryFolder() as folder:
        script = folder / "server.py"
        script.write_text(TWO_PROCESSES)
        other = python
        if program_of_child == "another":
            other = folder / "another"
            shutil.copy(python, other)
        conf = write_openssl_conf(folder, write_config(folder))
        with subprocess.Popen([python, script, what, other], env=environment(conf), stdout=subprocess.PIPE,
                              start_new_session=True) as process:
            try:
                process.stdout.readline()
                text = doctor("--pid", process.pid, status=status)
                contains(text, "has no clientct.so in it", "what it says")
                (lacks if status == ON else contains)(text, "left out", "what it says")
            finally:
                os.killpg(process.pid, signal.SIGKILL)


@case
def a_program_that_sets_properties_itself():
    """HAProxy's ssl-propquery drops default properties and with them the first switch; the second one holds."""
    with TemporaryFolder() as folder:
        config = write_config(folder)
        for random in (False, True):
            conf = write_openssl_conf(folder, config, so="/nonexistent/clientct.so")
            if random:
                conf.write_text(conf.read_text().replace("[init]\n", "[init]\nrandom = r\n") +
                                "[r]\nproperties = clientct=loaded\n")
            conf.write_text(conf.read_text().replace("config_diagnostics = 1\n", ""))
            with haproxy(folder, conf, rest="  ssl-propquery provider=default") as server:
                if random:
                    equal(server.wait_end() != 0, True, "whether HAProxy failed with both switches")
                else:
                    server.wait_ready()
                    equal(server.served("unlogged"), True, "whether the first switch alone lets unlogged in")
        conf.write_text(conf.read_text().replace("/nonexistent/clientct.so", MODULE))
        with haproxy(folder, conf, rest="  ssl-propquery provider=default").wait_ready() as server:
            equal((server.served("good"), server.served("unlogged")), (True, False), "with the component")


@case
def a_chroot_is_looked_at_from_inside():
    with TemporaryFolder() as folder:
        with haproxy(folder, write_openssl_conf(folder, write_config(folder)), chroot=True).wait_ready() as server:
            contains(doctor("--pid", server.process.pid, status=ON), "cannot read", "of the files")


HEAD = 152  # bytes of struct ct_process_status before its two states


def size_of_status():
    """As clientct/process_status.h has it: found in the component itself."""
    data = Path(MODULE).read_bytes()
    at = data.index(b"clientct status\n")
    return int.from_bytes(data[at + 20:at + 24], sys.byteorder)


def checksum(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001b3) & (2 ** 64 - 1)
    return value.to_bytes(8, sys.byteorder)


@table(("fifo",), ("shadow",), ("escape",), ("garbage",))
def a_hostile_process_gains_nothing(what):
    """It shows what it likes as its status; doctor opens what that names as this process would, and repeats no line."""
    if not ROOT:
        raise Skip("needs root")
    with TemporaryFolder() as folder:
        os.chown(folder, 65534, 65534)
        size = size_of_status()
        state_size = (size - HEAD) // 2
        name = {"fifo": f"{folder}/fifo", "shadow": f"{folder}/shadow", "escape": "/etc/\x1b[31mred\n"}.get(what, "")
        state = bytearray(state_size)
        state[0] = 1  # generation
        state[16] = 3  # logs
        state[64:64 + len(name)] = name.encode()
        state[-8:] = checksum(state[:-8])
        head = bytearray(HEAD)
        head[:16] = b"clientct status\n"
        head[16:24] = (2).to_bytes(4, sys.byteorder) + size.to_bytes(4, sys.byteorder)
        head[24] = head[36] = 1  # attached, current
        head[44] = 1
        body = bytes(head) + (b"\xff" * 2 * state_size if what == "garbage" else bytes(state_size) + bytes(state))
        (folder / "clientct.so").write_bytes(body.ljust(1 << 16, b"\0"))
        program_text = ("import mmap, os, sys, time\n"
                        "fd = os.open(sys.argv[1] + '/clientct.so', os.O_RDWR)\n"
                        "m = mmap.mmap(fd, 1 << 16, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)\n"
                        "print(m[:1] and 'ready', flush=True)\ntime.sleep(60)\n")
        os.mkfifo(folder / "fifo", 0o666)
        (folder / "shadow").symlink_to("/etc/shadow")
        os.chown(folder / "clientct.so", 65534, 65534)
        with subprocess.Popen(["setpriv", "--reuid", "65534", "--clear-groups", "/usr/bin/python3", "-c", program_text,
                               folder], stdout=subprocess.PIPE) as process:
            try:
                process.stdout.readline()
                began = time.monotonic()
                status, text = run([CLIENTCT, "doctor", "--pid", process.pid], environment(), seconds=30)
                equal(time.monotonic() - began < 20, True, "whether it ended soon")
                equal(status in (ON, UNKNOWN), True, f"the answer {status}:\n{text}")
                for line in Path("/etc/shadow").read_text().splitlines():
                    lacks(text, line, "what it says")
                lacks(text, "\x1b[31m", "what it says")
                if what in ("fifo", "shadow"):
                    contains(text, "cannot read", "of its files")
                if what == "shadow":  # looked at with the rights of its owner
                    contains(text, "(Permission denied)", "of its files")
            finally:
                process.send_signal(signal.SIGKILL)


# From outside.

def connect(port, *more, client="unlogged", status):
    pki = fixture()
    return doctor("--connect", f"127.0.0.1:{port}", "--cert", pki / f"client-{client}.pem", "--key",
                  pki / f"client-{client}.key", *more, status=status)


@case
def two_certificates_make_the_difference():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        with s_server(folder, conf).wait_ready() as server:
            equal(connect(server.port, *good(), status=ON).count("alert 46"), 2, "versions of TLS with alert 46")
            contains(connect(server.port, status=UNKNOWN), "whether anybody gets in was not tried", "of one alone")
            contains(connect(server.port, *good(), client="good", status=NOT_ON), "gets in", "of a logged one")
            contains(connect(server.port, *good(), client="other-ca-good", status=UNKNOWN), "not as clientct", "it")
        with s_server(folder, "/dev/null", name="other").wait_ready() as server:
            contains(connect(server.port, *good(), status=NOT_ON), "nothing checks it", "of a server without clientct")
        config = write_config(folder)
        config.unlink()
        with s_server(folder, conf, name="denying").wait_ready() as server:
            contains(connect(server.port, *good(), status=DENIES), "not a log that makes the difference", "it")
        contains(connect(free_port(), *good(), status=UNKNOWN), "Connection refused", "of nobody")


@case
def servers_that_judge_after_the_handshake():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        with nginx(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            contains(connect(server.port, *good(), status=ON), " 400 ", "what nginx answers")
            config.unlink()
            server.stop()
        with nginx(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            contains(connect(server.port, *good(), status=DENIES), " 400 ", "where it answers 400 to everybody")


class Listener(threading.Thread):
    """A server of a few lines: asks for a certificate, and then `behave`."""

    def __init__(self, behave, certificate="server", verify=True):
        super().__init__(daemon=True)
        self.behave, self.listener = behave, socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        self.context.load_verify_locations(fixture() / "ca.pem")
        self.context.load_verify_locations(fixture() / "other-ca.pem")
        self.context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_OPTIONAL
        self.start()

    def run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
                self.behave(self.context, plain)
                plain.close()
            except (OSError, ssl.SSLError):
                pass


def logged(tls):
    return tls.getpeercert(True) == (fixture() / "client-good.der").read_bytes()


def hang_up_on_the_unlogged(context, plain):
    with context.wrap_socket(plain, server_side=True) as tls:
        if logged(tls):
            tls.recv(100)
            tls.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        else:
            socket.socket(fileno=os.dup(tls.fileno())).shutdown(socket.SHUT_RDWR)  # as Node.js: no alert


@case
def servers_that_hang_up_without_an_alert():
    listener = Listener(hang_up_on_the_unlogged, fixture() / "server")
    contains(connect(listener.port, *good(), status=ON), "closed without an alert", "what it saw")
    listener.listener.close()


def answer(tls, text, pause=0):
    tls.recv(100)
    for part in text if pause else [text]:
        tls.sendall(part.encode())
        time.sleep(pause)


def judge(refusal, judged=logged, pause=0):
    """Serves whom it has judged well, and gives the others `refusal`."""
    def behave(context, plain):
        with context.wrap_socket(plain, server_side=True) as tls:
            answer(tls, "HTTP/1.1 200 400 OK\r\n\r\n" if judged(tls) else refusal, pause)
    return behave


def close_on_everybody(context, plain):
    with context.wrap_socket(plain, server_side=True) as tls:
        tls.recv(100)
        socket.socket(fileno=os.dup(tls.fileno())).shutdown(socket.SHUT_RDWR)


def every_second():
    """Two processes behind one port, of which the second lets everybody in."""
    turns = itertools.count()

    def behave(context, plain):
        (hang_up_on_the_unlogged if next(turns) % 4 < 3 else judge("", lambda tls: True))(context, plain)
    return behave


BAD_REQUEST = "HTTP/1.1 400 Bad Request\r\n\r\n"


BEHAVIOURS = {
    "drips": judge(BAD_REQUEST, pause=0.01),
    "400 elsewhere in the line": judge("HTTP/1.1 200 400 OK\r\n\r\n"),
    "another refusal of HTTP": judge("HTTP/1.1 403 Forbidden\r\n\r\n"),
    "400 to everybody": judge("", lambda tls: tls.sendall(BAD_REQUEST.encode()) or True),
    "no answer to anybody": close_on_everybody,
    "one of several processes": every_second(),
    "plain text": lambda _context, plain: plain.sendall(b"220 hello\r\n"),
    "400 to the unlogged": judge(BAD_REQUEST),
}


@table(
    ("drips", "client-unlogged", ON, "400 Bad Request"),
    ("400 elsewhere in the line", "client-unlogged", NOT_ON, "gets in"),
    ("another refusal of HTTP", "client-unlogged", NOT_ON, "gets in"),
    ("400 to everybody", "client-unlogged", DENIES, "not a log that makes the difference"),
    ("no answer to anybody", "client-unlogged", UNKNOWN, "or it does not speak HTTP"),
    ("one of several processes", "client-unlogged", NOT_ON, "gets in"),
    ("plain text", "client-unlogged", UNKNOWN, "no answer"),
    ("400 to the unlogged", "server", UNKNOWN, "not for TLS clients"),
    ("400 to the unlogged", "client-other-ca-good", UNKNOWN, "another CA"),
    ("400 to the unlogged", "rsa", UNKNOWN, "of another kind"),
    ("400 to the unlogged", "twin", UNKNOWN, "has not signed it"))
def what_a_server_does_says_no_more_than_that(what, client, status, said):
    pki = fixture()
    with TemporaryFolder() as folder:
        for name, options in (("rsa", ["--rsa"]), ("twin", [])):
            ca = pki / "ca"
            if name == "twin":
                ca = folder / "twin-ca"
                subprocess.run([CTPKI, "ca", "--out", ca, "--cn", "Fixture CA"], check=True)
            subprocess.run([CTPKI, "cert", "--out", folder / name, "--ca", ca, "--no-sct-ext", *options], check=True)
        path = pki / client if (pki / f"{client}.pem").exists() else folder / client
        listener = Listener(BEHAVIOURS[what], pki / "server", verify=False)
        text = doctor("--connect", f"127.0.0.1:{listener.port}", "--cert", f"{path}.pem", "--key", f"{path}.key",
                      *good(), status=status)
        contains(text, said, "what it says")
        listener.listener.close()


@case
def addresses_are_no_server_names():
    names = []
    listener = Listener(hang_up_on_the_unlogged, fixture() / "server")
    listener.context.sni_callback = lambda _tls, name, _context: names.append(name)
    connect(listener.port, *good(), status=ON)
    equal(set(names), {None}, "names for an address")
    names.clear()
    pki = fixture()
    doctor("--connect", f"localhost:{listener.port}", "--cert", pki / "client-unlogged.pem", "--key",
           pki / "client-unlogged.key", *good(), status=ON)
    equal(set(names), {"localhost"}, "names for a name")
    listener.listener.close()


@case
def an_expired_server_certificate_is_told():
    with TemporaryFolder() as folder:
        subprocess.run([CTPKI, "cert", "--out", folder / "old", "--ca", fixture() / "ca", "--server", "--no-sct-ext",
                        "--not-before", "2020-01-01T00:00:00Z", "--not-after", "2021-01-01T00:00:00Z"], check=True)
        listener = Listener(hang_up_on_the_unlogged, folder / "old")
        contains(connect(listener.port, *good(), status=ON), "server's own certificate has expired", "what it says")
        listener.listener.close()


@case
def a_silent_server_does_not_hold_it():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        connect(listener.getsockname()[1], *good(), status=UNKNOWN)
        equal(time.monotonic() - began < 60, True, "whether it ended soon")


if __name__ == "__main__":
    main()
