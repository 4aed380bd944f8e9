# SPDX-License-Identifier: Apache-2.0
"""clientct doctor --unit: services are played as systemd starts them."""
import os
import shutil
import tempfile
from pathlib import Path

from asking import CLIENTCT, NOT_ON, ON, UNKNOWN, doctor
from clientct import MODULE, fixture, write_config, write_openssl_conf
from daemons import ROOT
from processes import environment, program, run
from tap import Skip, case, contains, equal, main, table

OPENSSL = program("openssl")
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


# A root directory that is no mount, as in a chroot, keeps doctor from showing another view: then it cannot tell.
SHOWS_VIEWS = run(["unshare", "-m", "true"])[0] == 0
VIEWS = ("PrivateTmp", "TemporaryFileSystem", "InaccessiblePaths", "another file in its place", "DynamicUser",
         "ours in another's place")

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
def units_are_played_as_systemd_would(what, files, status):
    if not ROOT:
        raise Skip("needs root")
    status = UNKNOWN if what in VIEWS and not SHOWS_VIEWS else status
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
            unit.ask(status if SHOWS_VIEWS or status == ON else UNKNOWN)


@case
def every_enabled_service():
    """As a timer asks: what `enable` writes is what is found."""
    if not ROOT:
        raise Skip("needs root")
    with Unit() as unit:
        drop_in = Path("/etc/systemd/system") / f"{unit.name}.service.d" / "clientct.conf"
        made = [path for path in (drop_in.parent, *drop_in.parent.parents) if not path.exists()]
        answers = unit.folder / "answers.prom"
        line = 'clientct_doctor_status{unit="%s.service"}' % unit.name
        unit.write("", SERVICE)
        drop_in.parent.mkdir(parents=True)
        try:
            for setting, status in (("A=b", NOT_ON), (f"OPENSSL_CONF={unit.conf}", ON)):
                drop_in.write_text(f"[Service]\nEnvironment={setting}\n")
                contains(doctor("--enabled", "--write", answers, status=status), unit.name, "which service it was")
                contains(answers.read_text(), f"{line} {status}\n", "for Prometheus")
        finally:
            drop_in.unlink()
            for path in made:
                path.rmdir()
    contains(doctor("--enabled", "--unit", "x", status=2), "asks about every enabled service", "with a service")
    contains(doctor("--unit", "x", "--write", "/dev/null", status=2), "asks about every", "without --enabled")


if __name__ == "__main__":
    main()
