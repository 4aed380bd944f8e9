# SPDX-License-Identifier: Apache-2.0
"""clientct enable and disable, on copies of real servers' files in a folder that stands for the system."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from cli import Case, run

CNF = "/etc/clientct/openssl-clientct.cnf"
UNIT = "[Unit]\nDescription=a server\n[Service]\nType=simple\n{more}ExecStart={program}\n"
# What a server has on the system, and what enable has to leave in which file.
SERVICES = {
    "nginx": ({"/lib/systemd/system/nginx.service": UNIT.format(more="", program="/usr/sbin/nginx -g 'daemon on;'"),
               "/etc/nginx/nginx.conf": "user www-data;\nevents {}\n"},
              {"/etc/nginx/nginx.conf": r"^env OPENSSL_CONF;$"}),
    "apache2": ({"/lib/systemd/system/apache2.service": UNIT.format(more="", program="/usr/sbin/apachectl start"),
                 "/etc/apache2/envvars": "unset HOME\nexport LANG=C"},  # no end of line
                {"/etc/apache2/envvars": rf"^export OPENSSL_CONF={CNF}$"}),
    "postgresql@15-main": ({"/lib/systemd/system/postgresql@.service":
                            UNIT.format(more="", program="-/usr/bin/pg_ctlcluster"),
                            "/etc/postgresql/15/main/environment": "# environment variables\n",
                            "/etc/postgresql/16/other/environment": ""},
                           {"/etc/postgresql/15/main/environment": rf"^OPENSSL_CONF = '{CNF}'$",
                            "/etc/postgresql/16/other/environment": rf"^OPENSSL_CONF = '{CNF}'$"}),
    "dovecot": ({"/lib/systemd/system/dovecot.service": UNIT.format(more="", program="/usr/sbin/dovecot -F"),
                 "/etc/dovecot/dovecot.conf": "protocols = imap"},
                {"/etc/dovecot/dovecot.conf": rf"^import_environment = \$import_environment OPENSSL_CONF={CNF}$"}),
    "postfix": ({"/lib/systemd/system/postfix.service": UNIT.format(more="", program="/bin/true"),
                 "/etc/postfix/main.cf": "import_environment = MAIL_CONFIG TZ=UTC\nmyhostname = a.example\n"},
                {"/etc/postfix/main.cf": rf"^import_environment = MAIL_CONFIG TZ=UTC OPENSSL_CONF={CNF}$"}),
    "redis-server": ({"/lib/systemd/system/redis-server.service":
                      UNIT.format(more="NoExecPaths=/\nProtectSystem=strict\n", program="/usr/bin/redis-server")}, {}),
    "named": ({"/lib/systemd/system/named.service": UNIT.format(more="", program="/usr/sbin/named -f"),
               "/etc/apparmor.d/usr.sbin.named": "/usr/sbin/named {\n  include if exists <local/usr.sbin.named>\n}\n"},
              {"/etc/apparmor.d/local/usr.sbin.named": r"^/etc/clientct/\*\* r,$"}),
}


class Enable(Case):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="clientct-root-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.write("/etc/ssl/openssl.cnf",
                   "openssl_conf = init\n[init]\nssl_conf = ssl\nproviders = provs\nalg_section = algs\n"
                   "[algs]\ndefault_properties = fips=no\nfips_mode = no\n[ssl]\nsystem_default = d\n"
                   "[d]\nMinProtocol = TLSv1.2\n[provs]\ndefault = on\n[on]\nactivate = 1\n")
        self.write("/etc/clientct/clientct.cnf", "mode = report\n")

    def write(self, path, text, mode=0o644):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def read(self, path):
        return (self.root / path.lstrip("/")).read_text(encoding="utf-8")

    def tree(self):
        """Everything there is: names, modes, owners and contents."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            state = path.lstat()
            found[str(path.relative_to(self.root))] = (state.st_mode, state.st_uid, state.st_gid,
                                                       path.read_bytes() if path.is_file() else None)
        return found

    def do(self, verb, *arguments, code=0):
        done = run(verb, "--root", self.root, *arguments)
        self.assertEqual(done.returncode, code, done.stdout.decode() + done.stderr.decode())
        return done.stdout.decode(), done.stderr.decode()

    def test_every_kind_of_server_is_put_under_and_taken_out_without_a_trace(self):
        (self.root / "etc/systemd/system").mkdir(parents=True)
        (self.root / "etc/apparmor.d/local").mkdir(parents=True)
        for service, (files, wanted) in SERVICES.items():
            with self.subTest(service):
                for path, text in files.items():
                    self.write(path, text, 0o640)
                before = self.tree()
                self.do("enable", service)
                drop_in = self.read(f"/etc/systemd/system/{service}.service.d/clientct.conf")
                self.assertIn(f"Environment=OPENSSL_CONF={CNF}\n", drop_in)
                self.assertRegex(drop_in, r"(?m)^ExecStartPre=/\S+/clientct doctor ")
                for path, pattern in wanted.items():
                    self.assertRegex(self.read(path), re.compile(pattern, re.MULTILINE))
                after = self.tree()
                self.do("enable", service)
                self.assertEqual(self.tree(), after, "a second time changes nothing")
                self.do("disable", service)
                self.assertEqual(self.tree(), before)
                self.assertIn("Nothing to change", self.do("disable", service)[0])

    def test_sandboxes_let_doctor_run_and_metrics_be_written(self):
        for path, text in SERVICES["redis-server"][0].items():
            self.write(path, text)
        self.write("/etc/systemd/system/redis-server.service.d/own.conf", "[Service]\nProtectSystem=no\n")
        self.do("enable", "redis-server")
        drop_in = self.read("/etc/systemd/system/redis-server.service.d/clientct.conf")
        self.assertRegex(drop_in, r"(?m)^ExecPaths=/\S+/clientct$")
        self.assertNotIn("ReadWritePaths", drop_in, "a drop-in of the administrator has switched that off")
        self.write("/etc/systemd/system/redis-server.service.d/own.conf",
                   "[Service]\n# ProtectSystem=no\nProtectSystem=\\\nstrict\n")
        self.do("enable", "redis-server")
        self.assertIn("ReadWritePaths=-/run/clientct",
                      self.read("/etc/systemd/system/redis-server.service.d/clientct.conf"))

    def test_the_system_s_openssl_cnf_is_carried_over(self):
        for path, text in SERVICES["nginx"][0].items():
            self.write(path, text)
        self.do("enable", "nginx")
        text = self.read(CNF)
        init = text.split("[clientct_init]")[1].split("[")[0].split("\n")
        self.assertEqual([line for line in init if line],
                         ["alg_section = clientct_dead_man_switch", "random.clientct = clientct_second_switch",
                          "clientct = clientct_sect", "ssl_conf = ssl", "providers = provs"])
        self.assertIn(".include /etc/ssl/openssl.cnf", text)
        self.assertRegex(text, r"\[clientct_dead_man_switch\]\nfips_mode = no\ndefault_properties = clientct=loaded\n")
        self.assertRegex(text, r"\[clientct_sect\]\npath = /\S+/clientct.so\nconfig = \S+\n\Z")

    def test_the_system_s_default_properties_stay_in_force(self):
        """As OpenSSL takes its lines in turn: fips_mode replaces the demand of that name, default_properties all."""
        for path, text in SERVICES["nginx"][0].items():
            self.write(path, text)
        for lines, want in (("default_properties = ?provider=x, fips=no", "?provider=x, fips=no"),
                            ("fips_mode = yes", "fips=yes"),
                            ("fips_mode = yes\nfips_mode = no", None),
                            ("default_properties = fips=yes\nfips_mode = false", None),
                            ("default_properties = a=b,?fips = no,fipsy=1, -fips\nfips_mode = yes",
                             "fips=yes,a=b,fipsy=1"),
                            ("fips_mode = yes\ndefault_properties = ?provider=x", "?provider=x"),
                            ("", None)):
            with self.subTest(lines):
                self.write("/etc/ssl/openssl.cnf",
                           f"openssl_conf = init\n[init]\nalg_section = algs\n[algs]\n{lines}\n")
                self.do("enable", "nginx")
                text = self.read(CNF).split("[clientct_sect]")[1]
                found = re.search("^default_properties = (.*)$", text, re.MULTILINE)
                self.assertEqual(found and found[1], want)
                self.do("disable", "nginx")

    def test_an_openssl_cnf_of_the_administrator_stays(self):
        for path, text in SERVICES["nginx"][0].items():
            self.write(path, text)
        self.write(CNF, "# mine\n")
        self.do("enable", "nginx")
        self.assertEqual(self.read(CNF), "# mine\n")
        self.do("disable", "nginx")
        self.assertEqual(self.read(CNF), "# mine\n")

    def test_the_common_file_stays_until_the_last(self):
        for service in ("nginx", "apache2"):
            for path, text in SERVICES[service][0].items():
                self.write(path, text)
        self.do("enable", "nginx", "apache2")
        self.do("disable", "nginx")
        self.assertTrue((self.root / CNF[1:]).exists())
        self.do("disable", "apache2")
        self.assertFalse((self.root / CNF[1:]).exists())

    def test_dry_run_shows_and_changes_nothing(self):
        for path, text in SERVICES["apache2"][0].items():
            self.write(path, text)
        before = self.tree()
        out, _ = self.do("enable", "--dry-run", "apache2")
        self.assertEqual(self.tree(), before)
        self.assertIn("+++ /etc/apache2/envvars", out)
        # What is shown is a patch that patch(1) takes.
        if shutil.which("patch"):
            self.do("enable", "apache2")
            wanted = self.tree()
            self.do("disable", "apache2")
            diff = out.split("Nothing has been changed")[0]
            for name in ("etc/systemd/system/apache2.service.d", "etc/clientct"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            subprocess.run(["patch", "-p1", "-s", "-d", self.root], input=diff.encode(), check=True)
            self.assertEqual({name: what[3] for name, what in self.tree().items()},
                             {name: what[3] for name, what in wanted.items()})

    def test_report_makes_a_first_configuration_and_touches_none_that_is_there(self):
        for path, text in SERVICES["nginx"][0].items():
            self.write(path, text)
        self.do("enable", "--report", "nginx")
        self.assertEqual(self.read("/etc/clientct/clientct.cnf"), "mode = report\n")
        (self.root / "etc/clientct/clientct.cnf").unlink()
        _, said = self.do("enable", "nginx", code=2)
        self.assertIn("--report", said)
        self.do("enable", "--report", "nginx")
        self.assertRegex(self.read("/etc/clientct/clientct.cnf"), r"(?m)^mode\s+= report$")
        self.write("/etc/clientct/log_list.json", "")
        checked = run("check", "--json", "--config", self.root / "etc/clientct/clientct.cnf")
        self.assertNotIn(b"unknown", checked.stdout)

    def test_what_is_not_there_changes_nothing(self):
        before = self.tree()
        for name, word in (("nosuch", "no service"), ("../x", "name of a service"), ("", "name of a service"),
                           ("@x", "name of a service")):
            _, said = self.do("enable", name, code=2)
            self.assertIn(word, said)
        self.write("/lib/systemd/system/apache2.service", UNIT.format(more="", program="/x"))
        before = self.tree()
        _, said = self.do("enable", "apache2", code=2)
        self.assertIn("/etc/apache2/envvars", said)
        self.assertEqual(self.tree(), before)

    @unittest.skipIf(os.geteuid() != 0, "a folder that root may not write to")
    def test_what_cannot_be_written_undoes_the_rest(self):
        for path, text in SERVICES["nginx"][0].items():
            self.write(path, text)
        (self.root / "etc/systemd/system").mkdir(parents=True)
        (self.root / CNF[1:]).mkdir(parents=True)  # a folder where the file is to be
        before = self.tree()
        self.do("enable", "nginx", code=2)
        self.assertEqual(self.tree(), before)


if __name__ == "__main__":
    unittest.main()
