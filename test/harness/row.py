# SPDX-License-Identifier: Apache-2.0
"""One row of the table of servers: what a server does without us, and what it does with us."""
import datetime
import json
import re
import subprocess
import time
from pathlib import Path

from cell import Cell
from clientct import MODULE, VERSIONS, linked_openssl, reaches, write_config, write_openssl_conf
from description import lay_out
from probes import Probe
from processes import TemporaryFolder, accepts_connections, environment, program, run, wait_until

# What a server's log says of a refusal, from the best to the least.
SPEAKS = (("reason", r"no-scts"), ("error 71", r"no valid SCTs|Certificate Transparency|\b71\b.*(cert|verif|err)|"
                                               r"(cert|verif|err).*\b71\b"),
          ("that it failed", r"(?i)alert|certificate|verif|handshake|\bssl\b|\btls\b"))
RANK = [what for what, _ in SPEAKS] + ["nothing"]


NO_START = "does not start"
APART = Path("/var/cache/clientct-servers")


class Unusable(Exception):
    """The row cannot be made here; the text says why."""


def installed_version(package):
    status, text = run(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Version}", package])
    return text.split()[1] if status == 0 and text.startswith("ii") else None


def version_of(description):
    if description.apart:
        found = sorted(APART.glob(f"{description.name}/{description.apart[0]}_*.deb"))
        return run(["dpkg-deb", "-f", found[0], "Version"])[1].strip() if found else None
    return installed_version(description.packages[0])


def apart_of(description):
    """Where the packages are that conflict with others; "" where there are none."""
    return APART / description.name / "root" if description.apart else ""


def apt_get(*words, folder="/"):
    subprocess.run(["apt-get", "-o", "DPkg::Lock::Timeout=600", *words], cwd=folder, stdin=subprocess.DEVNULL,
                   env=environment(DEBIAN_FRONTEND="noninteractive"), stdout=subprocess.DEVNULL, check=False)


def install_packages(names):
    missing = [name for name in names if not installed_version(name)]
    if missing:
        apt_get("install", "-y", "--no-install-recommends", *missing)


def install_at_once(descriptions):
    """All that apt knows, in a tenth of the time; what stands in the way of others is left to `install`."""
    names = sorted({name for description in descriptions for name in description.packages})
    install_packages([name for name in names if run(["apt-cache", "show", name])[0] == 0])


def install(description):
    install_packages(description.packages)
    if description.apart and not apart_of(description).exists():
        apart_of(description).mkdir(parents=True)
        apt_get("download", *description.apart, folder=apart_of(description).parent)
        for path in apart_of(description).parent.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", path, apart_of(description)], check=True)
            wanted = re.findall(r"(?:^|,)\s*([a-z0-9.+-]+)", run(["dpkg-deb", "-f", path, "Depends"])[1])
            apt_get("install", "-y", "--no-install-recommends", *(set(wanted) - set(description.apart)))


def release():
    """Debian's name for what runs here."""
    if Path("/etc/debian_version").read_text(encoding="utf-8").strip().endswith("/sid"):
        return "sid"  # whose other file names the release to come
    with open("/etc/os-release", encoding="utf-8") as file:
        return dict(line.strip().split("=", 1) for line in file if "=" in line)["VERSION_CODENAME"].strip('"')


def is_tried(description):
    return not description.releases or release() in description.releases


def check_usable(description):
    missing = [name for name in description.packages if not installed_version(name)]
    if missing or not version_of(description):
        raise Unusable(f"not installed: {' '.join(missing or description.apart)}")
    name = description.linked or description.command[0]
    if name.startswith("@folder@"):
        return  # `prepare` builds it, with an OpenSSL that comes with it
    roots = [apart_of(description), Path("/")] if description.apart else [Path("/")]
    found = [path for root in roots for path in sorted(root.glob(name[1:]))] if name[0] == "/" else [program(name)]
    if not found or not found[0]:
        raise Unusable(f"there is no {name}")
    if linked_openssl(found[0]) and not reaches(found[0]):
        raise Unusable(f"linked with {linked_openssl(found[0])}, not the component's {linked_openssl(MODULE)}")


class Started:
    """The server of a description in a folder of its own, and clients for it."""

    def __init__(self, description, with_us, more=None, switch=True):
        self.description, self.with_us, self.more, self.switch = description, with_us, more or {}, switch
        self.temporary = TemporaryFolder()
        self.beside = []

    def __enter__(self):
        self.folder = folder = self.temporary.__enter__()
        conf = None
        self.audit = folder / "record" / "audit.json"
        if self.with_us:
            config = write_config(folder, audit=f"file:{self.audit}", metrics=folder / "record")
            conf = write_openssl_conf(folder, config, dead_man_switch=self.switch)
            conf.write_text("nodejs_conf = init\n" + conf.read_text())
        # What a server is told by its own configuration, it is told without us as well.
        words = lay_out(self.description, folder, {"conf": conf or "/etc/ssl/openssl.cnf", **self.more})
        env = environment(conf)
        self.cell = None
        try:
            for command in self.description.prepare:
                status, text = run([words.fill(word) for word in command], environment(), seconds=3600)
                if status != 0:
                    raise AssertionError(f"{command}: {text}")
            for command in self.description.beside:
                self.beside.append(subprocess.Popen(
                    [words.fill(word) for word in command], env=environment(), cwd=folder, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            for port in [value for name, value in words.values.items() if name.startswith("port_backend")]:
                wait_until(lambda port=port: accepts_connections(port), "what stands behind it to listen")
            self.cell = Cell(folder, [words.fill(word) for word in self.description.command], env,
                             [Path(words.fill(name)) for name in self.description.logs], apart_of(self.description))
            self.probe = Probe(self.description, words)
            self.probe.wait_ready(self.cell)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.cell:
            self.cell.stop()
        for process in self.beside:
            process.kill()
            process.wait()
        self.temporary.__exit__()

    def complaint(self, work):
        """What the server's log has of what happens in `work`: the best line, and how good it is."""
        since = self.cell.sizes()
        work()
        best = ("nothing", "")
        end = time.monotonic() + 1.5
        while time.monotonic() < end and best[0] != "reason":
            time.sleep(0.1)
            for line in self.cell.said(since):
                for what, pattern in SPEAKS:
                    if re.search(pattern, line):
                        best = min(best, (what, self.tidy(line)), key=lambda pair: RANK.index(pair[0]))
                        break
        return best

    def tidy(self, line):
        """Without what differs from run to run."""
        line = line.replace(str(self.folder), "DIR").replace(str(self.probe.port), "PORT").replace("\t", " ")
        return re.sub(r"[^\x20-\x7e]", "?", line).strip()[:300]

    def records(self):
        try:
            return [json.loads(line) for line in self.audit.read_text().splitlines()]
        except (OSError, ValueError):
            return []

    def where(self):
        """Who has verified: the process of the last audit line, as long as it lives."""
        verdicts = wait_until(lambda: [line for line in self.records() if line.get("event.action") != "start"] or
                              self.records(), "an audit line", 3)
        last = verdicts[-1]
        found = {"audit": last.get("process.name", "")}
        pid = self.cell.outside_pid(last.get("process.pid", 0))
        if pid:
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                uid = int(re.search(r"^Uid:\s+\d+\s+(\d+)", status, re.MULTILINE)[1])
                ours = str(Path(f"/proc/{self.cell.outside_pid(1)}/root").readlink()).rstrip("/")
                root = str(Path(f"/proc/{pid}/root").readlink()).removeprefix(ours) or "/"
                root = root.replace(str(self.folder), "DIR")
                found.update(user=user_name(uid), root=root, threads=int(re.search(r"^Threads:\s+(\d+)", status,
                                                                                 re.MULTILINE)[1]))
            except OSError:
                pass
        return found

    def metrics_names(self):
        return sorted({re.sub(r"\.\d+\.\d+$", "", path.name) for path in (self.folder / "record").iterdir()
                       if re.search(r"\.\d+\.\d+$", path.name)})


def user_name(uid):
    return run(["id", "-nu", str(uid)])[1].strip()


def clients_at(started, version, row):
    """What becomes of each kind of client."""
    for name, client in (("logged", "logged"), ("unlogged", "unlogged"), ("again", "logged"), ("none", "none"),
                         ("stranger", "stranger")):
        outcome = started.probe.try_client(client, version)
        row[name] = outcome.answer
        if name in ("unlogged", "none") or outcome.answer == "out":
            row.setdefault("words", {})[name] = outcome.words


def why_no_start(description):
    """What a server says that does not start with us, in a line that names us if there is one."""
    try:
        with Started(description, with_us=True) as started:
            raise RuntimeError(f"it starts, though it should not:\n{started.cell.output()}")
    except AssertionError as error:
        lines = str(error).splitlines()
        line = next((line for line in lines if re.search(r"clientct(?![-/])", line)), lines[-1])
        return re.sub(r"[^\x20-\x7e]", "?", line).strip()[:300]


def measure(description):
    """The row as a dictionary of plain values; see clientct-servers(7) for their meaning."""
    check_usable(description)
    row = {"version": version_of(description), "date": datetime.date.today().isoformat(),
           "without": {}, "with": {}, "resumption": {}}
    with Started(description, with_us=False) as started:
        for version in VERSIONS:
            row["without"][version] = {}
            clients_at(started, version, row["without"][version])
            row["without"][version]["resumption"] = started.probe.resumption(version)
    spoken = [version for version in VERSIONS if row["without"][version]["logged"] == "in"]
    if not spoken:
        raise AssertionError(f"without us nobody is let in: {row['without']}")
    starts = description.expected != NO_START
    if not starts:
        row["start"] = why_no_start(description)
    with Started(description, with_us=True, switch=starts) as started:
        for version in spoken:
            row["with"][version] = {}
            clients_at(started, version, row["with"][version])
            row["with"][version]["resumption"] = started.probe.resumption(version)
        what, line = started.complaint(lambda: started.probe.try_client("unlogged", spoken[-1]))
        row["log"] = {"default": [what, line]}
        row["where"] = {}
        try:
            started.probe.try_client("logged", spoken[-1], while_open=lambda: row["where"].update(started.where()))
            row["where"] = row["where"] or started.where()
        except AssertionError:
            pass
        row["metrics"] = started.metrics_names()
        row["events"] = sorted({line.get("event.action", "") for line in started.records()} - {"", "verified"})
    if description.loud:
        with Started(description, True, description.loud) as started:
            row["log"]["loud"] = list(started.complaint(lambda: started.probe.try_client("unlogged", spoken[-1])))
    row["verdict"] = verdict(row) if starts else f"{NO_START}; without the dead-man switch {verdict(row)}"
    return row


def verdict(row):
    """What the table says in a word, proven by the two runs."""
    for version in row["with"]:
        if row["without"][version]["unlogged"] != "in":
            return f"no control: without us unlogged is {row['without'][version]['unlogged']} in {version}"
        if row["without"][version]["stranger"] != "out":
            return f"verifies nobody: a stranger is in without us in {version}"
        with_us, without = row["with"][version], row["without"][version]
        if with_us["unlogged"] != "out":
            return "not reached" if version == next(iter(row["with"])) else f"not reached in {version}"
        for name in ("logged", "again", "none", "stranger"):
            before = without["logged" if name == "again" else name]
            if with_us[name] != before:
                return f"{name} is {with_us[name]} in {version}, and {before} without us"
    return "enforces"
