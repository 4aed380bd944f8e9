# SPDX-License-Identifier: Apache-2.0
"""The servers of a soak, each in a folder of its own with its own configuration, lists, stores and records."""
import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

from clientct import fixture, write_openssl_conf
from people import State, write_store
from processes import Server, environment, free_port, program

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE.parent / "servers"
APACHE_MODULES = "/usr/lib/apache2/modules"
ROOT = os.geteuid() == 0


def place(path, text, at_once=True):
    """New content, in one step or as an editor does it that writes into the file."""
    new = Path(f"{path}.new") if at_once else path
    new.write_text(text)
    if at_once:
        new.rename(path)


class Served:
    """One server under test. `history` is what its files have said, and since when at the earliest and latest."""
    name, can_kill, answered = None, True, "served"
    reload_signal = signal.SIGHUP

    def __init__(self, folder, crowd, seed):
        self.folder, self.crowd = folder, crowd
        self.random = random.Random(f"{seed} {self.name}")
        self.state, self.history = State(), []
        self.disturbed = []  # when connections may have been lost: [from, until]
        self.counts = dict.fromkeys(("changes", "reloads", "kills"), 0)
        self.port = free_port()
        self.config, self.list = folder / "clientct.cnf", folder / "log_list.json"
        self.audit, self.metrics, self.store = folder / "records" / "audit.json", folder / "metrics", folder / "store"
        for path in (self.folder, self.audit.parent, self.metrics, self.store):
            path.mkdir()
            path.chmod(0o777)  # for workers that are somebody else
        self.whole_list = (fixture() / "log_list.json").read_text()
        self.process = None
        self.write_all()

    # What the files say.

    def list_text(self):
        document = json.loads(self.whole_list)
        for operator in document["operators"]:
            operator["logs"] = [log for log in operator["logs"] if self.state.log_a or log["description"] != "Log A"]
        document["operators"] = [operator for operator in document["operators"] if operator["logs"]]
        return json.dumps(document)

    def config_text(self):
        exempt = "".join(f"[exempt-{i}]\ncertificate = {people['exempt'].prefix}.der\nexempt = yes\n"
                         for i, people in enumerate(self.crowd))
        names = "".join(f"r{i} = exempt-{i}\n" for i in range(len(self.crowd)))
        rules = f"rules = rules\n[rules]\n{names}{exempt}" if self.state.exempt else ""
        return (f"mode = {self.state.mode}\nlog_list = {self.list}\nsources = embedded, tls, store\n"
                f"sct_store = {self.store}\nresumption_window = 10s\naudit = file:{self.audit}\n"
                f"metrics = {self.metrics}\n{rules}")

    def write_all(self):
        before = time.time()
        place(self.list, self.list_text())
        place(self.config, self.config_text())
        write_store([person for people in self.crowd for person in people.values()], self.store)
        self.new_audit_file(self.audit)
        self.history.append((before, time.time(), self.state))

    def change(self, how, **fields):
        self.state, before = self.state.change(**fields), time.time()
        how()
        self.history.append((before, time.time(), self.state))
        self.counts["changes"] += 1

    # What is done to them while the server runs.

    def new_mode(self):
        at_once = self.random.random() < 0.7
        mode = self.random.choice([mode for mode in ("enforce", "enforce", "report", "off") if mode != self.state.mode])
        self.change(lambda: place(self.config, self.config_text(), at_once), mode=mode)

    def new_list(self):
        at_once = self.random.random() < 0.5
        self.change(lambda: place(self.list, self.list_text(), at_once), log_a=not self.state.log_a)

    def new_exemptions(self):
        self.change(lambda: place(self.config, self.config_text()), exempt=not self.state.exempt)

    def new_store(self):
        there = not self.state.store

        def do():
            if there:
                write_store([person for people in self.crowd for person in people.values()], self.store)
            else:
                for path in self.store.iterdir():
                    path.unlink()
        self.change(do, store=there)

    def broken_for_a_while(self):
        """Files that cannot be used change nothing."""
        path, text = self.random.choice(((self.list, self.list_text), (self.config, self.config_text)))
        if self.random.random() < 0.5:
            path.write_text("{ nonsense")
        else:
            path.unlink()
        time.sleep(self.random.uniform(0.2, 2.5))
        place(path, text())

    def touched_all_the_time(self):
        """A list whose time of change never gets old holds nothing up."""
        end = time.monotonic() + 4
        changed = False
        while time.monotonic() < end:
            os.utime(self.list)
            if not changed and time.monotonic() > end - 3.5:
                self.new_mode()
                changed = True
            time.sleep(0.03)

    def rotated(self):
        """As logrotate does: never is there no file."""
        new = Path(f"{self.audit}.new")
        self.new_audit_file(new)
        os.link(self.audit, f"{self.audit}.{self.counts['changes']}-{time.monotonic_ns()}")
        new.rename(self.audit)

    @staticmethod
    def new_audit_file(path):
        path.touch()
        path.chmod(0o666)

    def reload(self):
        self.disturb(lambda: os.kill(self.process.process.pid, self.reload_signal))
        self.counts["reloads"] += 1

    def kill(self):
        workers = self.children(self.process.process.pid)
        if workers:
            self.disturb(lambda: os.kill(self.random.choice(workers), signal.SIGKILL))
            self.counts["kills"] += 1

    def disturb(self, how):
        before = time.time()
        how()
        self.disturbed.append((before, time.time() + 5))

    def something(self):
        """One thing more happens."""
        things = [self.new_mode] * 4 + [self.new_list] * 2 + [self.new_exemptions] * 2 + [self.new_store] * 2
        things += [self.reload] * 2 + [self.broken_for_a_while, self.touched_all_the_time, self.rotated]
        things += [self.kill] * 2 if self.can_kill else []
        self.random.choice(things)()

    # The processes.

    @staticmethod
    def children(pid):
        try:
            return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def pids(self):
        """The first process, and the others."""
        first = self.process.process.pid
        return first, self.children(first)

    def start(self):
        conf = write_openssl_conf(self.folder, self.config)
        self.process = Server(self.folder, self.command(), environment(conf), self.port)
        self.process.wait_ready()

    def template(self, path, **values):
        text = (TEMPLATES / path).read_text()
        values = {"folder": self.folder, "pki": fixture(), "port": self.port, **values}
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        path = self.folder / Path(path).name.removesuffix(".in")
        path.write_text(text)
        return path


class Nginx(Served):
    name, answered = "nginx", "answered"  # it answers those whom it refuses

    def command(self):
        conf = self.template("nginx/nginx.conf.in", user="user nobody nogroup;" if ROOT else "", tickets="on")
        conf.write_text(conf.read_text().replace("worker_connections 64", "worker_connections 512"))
        return [program("nginx"), "-e", "stderr", "-p", self.folder, "-c", conf]


class HAProxy(Served):
    name, can_kill = "haproxy", False  # it ends when a worker does
    reload_signal = signal.SIGUSR2

    def command(self):
        pki, pem = fixture(), self.folder / "server.pem"
        pem.write_text((pki / "server.pem").read_text() + (pki / "server.key").read_text())
        conf = self.folder / "haproxy.cfg"
        conf.write_text("\n".join([
            "global", "  hard-stop-after 20s", "defaults", "  mode http", "  timeout connect 5s", "  timeout client 5s",
            "  timeout server 5s", "frontend front",
            f"  bind 127.0.0.1:{self.port} ssl crt {pem} ca-file {pki}/ca.pem verify required ssl-min-ver TLSv1.2",
            "  http-request return status 200 content-type text/plain string ok", ""]))
        return [program("haproxy"), "-W", "-db", "-f", conf]


class Apache(Served):
    name = "apache"
    reload_signal = signal.SIGUSR1

    def command(self):
        (self.folder / "pages").mkdir()
        (self.folder / "pages" / "page").write_text("page\n")
        conf = self.template("apache/httpd.conf.in", user="User www-data\nGroup www-data" if ROOT else "",
                             modules=APACHE_MODULES, mpm="event", verify="require")
        conf.write_text(conf.read_text() + "ThreadsPerChild 4\nMaxRequestWorkers 16\nServerLimit 8\nStartServers 2\n"
                        "MinSpareThreads 4\nMaxSpareThreads 12\nTimeout 5\n")
        return ["setsid", program("apache2"), "-DFOREGROUND", "-f", conf]


SERVERS = {kind.name: kind for kind in (Nginx, HAProxy, Apache)}
NEEDED = {"nginx": "nginx", "haproxy": "haproxy", "apache": "apache2"}


def missing(name):
    return not program(NEEDED[name]) or (name == "apache" and not shutil.which("setsid"))
