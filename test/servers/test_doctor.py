# SPDX-License-Identifier: Apache-2.0
"""clientct doctor: what it says of programs and processes is what they do."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from asking import CLIENTCT, DENIES, NOT_ON, ON, UNKNOWN, WATCHES, doctor, good
from clientct import (MODULE, PYTHON, VERSIONS, ask, client_context, fixture, need_our_openssl, s_server, ssl_of_python,
                      write_config, write_openssl_conf)
from daemons import ROOT, haproxy, nginx
from processes import TemporaryFolder, accepts_connections, environment, program, run, wait_until
from tap import Skip, case, contains, equal, lacks, main, table

OPENSSL = program("openssl")


def need_python():
    """The file of Debian's Python that is linked with OpenSSL: with ours."""
    module = ssl_of_python()
    if not module:
        raise Skip("no Python of Debian")
    need_our_openssl(module, "Debian's Python")
    return module


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
def names_rules_that_let_others_in():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        env = environment(write_openssl_conf(folder, config))
        lacks(doctor("--", "openssl", env=env, status=ON), "rules ", "without rules")
        config.write_text(config.read_text() + "rules = rules\n[rules]\nold = old\nname = name\n[old]\n"
                          f"issuer = {fixture()}/ca.pem\nexempt = yes\n[name]\nserver_name = x.example\n"
                          "mode = report\n")
        contains(doctor("--", "openssl", env=env, status=ON), "2 rules (old, name) let clients in", "with two")


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
    ("no component", lambda text: text.replace(MODULE, "/nonexistent/clientct.so"), NOT_ON,
     "that is what the dead-man switch is for"),
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
        contains(doctor("--", nginx_path, env=environment(conf), status=NOT_ON), "takes the section that the key nginx",
                 "what it says")


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
def a_program_that_may_go_its_own_way():
    with TemporaryFolder() as folder:
        env = environment(write_openssl_conf(folder, write_config(folder)))
        for name, call, status in (("own", "OSSL_LIB_CTX_new()", UNKNOWN), ("usual", "0", ON)):
            (folder / "server.c").write_text(
                "#include <openssl/ssl.h>\nvoid *volatile made;\nint main(void) {\n"
                f"made = (void *){call}; return SSL_CTX_new(TLS_server_method()) == NULL; }}\n")
            built = subprocess.run(["cc", "-o", folder / name, folder / "server.c", "-lssl", "-lcrypto"], check=False)
            if built.returncode != 0:
                raise Skip("no libssl for cc")
            text = doctor("--", folder / name, env=env, status=status)
            (lacks if status == ON else contains)(text, "past openssl.cnf (by OSSL_LIB_CTX_new)", "what it says")


@case
def a_program_that_apparmor_confines():
    if not ROOT or run(["unshare", "-m", "true"])[0] != 0 or not os.path.isdir("/etc/apparmor.d"):
        raise Skip("needs root, mount namespaces and a folder of profiles")
    name = os.path.realpath(OPENSSL)[1:].replace("/", ".")
    script = ("mount -t tmpfs none /sys/module && mkdir -p /sys/module/apparmor/parameters && "
              "mount -t tmpfs none /etc/apparmor.d && echo Y >/sys/module/apparmor/parameters/enabled && "
              'if [ -n "$1" ]; then mkdir -p "$(dirname "/etc/apparmor.d/$1")" && touch "/etc/apparmor.d/$1"; fi && '
              'touch "/etc/apparmor.d/$2" && exec "$3" doctor -- openssl')
    with TemporaryFolder() as folder:
        env = environment(write_openssl_conf(folder, write_config(folder)))
        for disabled, profile, status in (("", name, UNKNOWN), (f"disable/{name}", name, ON),
                                          ("", "usr.bin.other", ON)):
            found, text = run(["unshare", "-m", "sh", "-c", script, "sh", disabled, profile, CLIENTCT], env)
            equal(found, status, f"with {profile}, disabled {disabled!r}:\n{text}")


@case
def openssl_that_comes_later_is_named():
    """Python has its OpenSSL in a module, Apache in mod_ssl."""
    module, python = need_python(), PYTHON
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


# Processes.

@case
def processes_say_what_is_in_force():
    with TemporaryFolder() as folder:
        config = write_config(folder)
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            pid = server.process.pid
            text = doctor("--pid", pid, status=ON)
            contains(text, "enforce, generation 1 of", "what it says")
            lacks(text, " 1 logs", "what it says")
            for number, version in enumerate(VERSIONS, 1):  # each connection is judged once
                equal(ask(server.port, client_context("good", version)).served, True, f"good with {version}")
                contains(doctor("--pid", pid, status=ON), ("1 verdict, 0 refused", "2 verdicts, 0 refused")[number - 1],
                         "what it counts")
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


@case
def says_which_contexts_cannot_ask_for_scts():
    """As the refusal does, in the audit too: what was decided when the server started."""
    with TemporaryFolder() as folder:
        audit = folder / "audit"
        config = write_config(folder, sources="embedded", audit=f"file:{audit}")
        with s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            lacks(doctor("--pid", server.process.pid, status=ON), "without tls in sources", "as long as there is none")
            write_config(folder, audit=f"file:{audit}")

            def is_said():
                equal(ask(server.port, client_context("unlogged", "TLSv1.3")).served, False, "whether it is served")
                return "the server was started without tls in sources" in audit.read_text()
            wait_until(is_said, "the audit to say so")
            contains(doctor("--pid", server.process.pid, status=ON), "made without tls in sources", "what it says")


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
    need_python()
    python = os.path.realpath(PYTHON)
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
                    wait_until(lambda: accepts_connections(server.port) or not server.alive(), server.output)
                    if server.alive():
                        equal(server.served("unlogged"), True, "whether the first switch alone lets unlogged in")
                    else:  # 3.2 wants a random number before it gets there
                        contains(server.output(), "random data generator", "why HAProxy does not start")
        conf.write_text(conf.read_text().replace("/nonexistent/clientct.so", MODULE))
        with haproxy(folder, conf, rest="  ssl-propquery provider=default").wait_ready() as server:
            equal((server.served("good"), server.served("unlogged")), (True, False), "with the component")


@case
def a_chroot_is_looked_at_from_inside():
    with TemporaryFolder() as folder:
        with haproxy(folder, write_openssl_conf(folder, write_config(folder)), chroot=True).wait_ready() as server:
            contains(doctor("--pid", server.process.pid, status=ON), "cannot read", "of the files")


HEAD = 152  # bytes of struct ct_process_status before its two states


def head_of_status():
    """Its magic, version and size (in bytes) as clientct/process_status.h has them: found in the component itself."""
    data = Path(MODULE).read_bytes()
    at = data.index(b"clientct status\n")
    return data[at:at + 24]


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
        whose = head_of_status()
        state_size = (int.from_bytes(whose[20:], sys.byteorder) - HEAD) // 2
        name = {"fifo": f"{folder}/fifo", "shadow": f"{folder}/shadow", "escape": "/etc/\x1b[31mred\n"}.get(what, "")
        state = bytearray(state_size)
        state[0] = 1  # generation
        state[16] = 3  # logs
        state[64:64 + len(name)] = name.encode()
        state[-8:] = checksum(state[:-8])
        head = bytearray(HEAD)
        head[:24] = whose
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


if __name__ == "__main__":
    main()
