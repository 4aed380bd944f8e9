# SPDX-License-Identifier: Apache-2.0
"""clientct check: all that is wrong, and what is in force."""

import grp
import os
import pwd
import shutil
import struct
import unittest

from cli import Case, pki, run


RULE = "[rules]\nr = r\n[r]\n"
# What is legal but surely not meant: settings, and what the one warning says.
WARNINGS = (
    ("a rule that can never match", "rules = rules\n[rules]\na = a\nb = b\n[a]\nmode = report\n"
                                    "[b]\nissuer = sha256:" + 64 * "0" + "\nmode = enforce\n", "can never match"),
    ("an exemption that never ends", f"rules = rules\n{RULE}certificate = sha256:" + 64 * "0" + "\nexempt = yes\n",
     "never ends"),
    ("an exemption that has ended", f"rules = rules\n{RULE}certificate = sha256:" + 64 * "0" +
     "\nexempt = yes\nexpires = 2025-01-01T00:00:00Z\n", "ended on 2025-01-01T00:00:00Z"),
    ("loosened by server name", f"rules = rules\n{RULE}server_name = a.example\nmode = report\n",
     "which the client chooses"),
    ("loosened by date", f"rules = rules\n{RULE}issued_before = 2025-01-01T00:00:00Z\nmode = report\n",
     "which the CA chooses and can backdate"),
    ("in front of a stricter rule", "rules = rules\n[rules]\na = a\nb = b\n[a]\nserver_name = a.example\npolicy = one\n"
                                    "[b]\nissuer = sha256:" + 64 * "0" + "\npolicy = p\n[p]\nmin_scts = 2\n",
     "stands in front of rule `b`", "rule `b` asks for more by `issuer`"),
    ("loosened by usage", f"rules = rules\n{RULE}extended_key_usage = clientAuth\nmode = report\n",
     "`extended_key_usage`, which the CA chooses"),
    ("loosened by policy", f"rules = rules\n{RULE}certificate_policy = 1.2.3\nmode = report\n",
     "`certificate_policy`, which the CA chooses"),
    ("enforced by chain", f"mode = report\nrules = rules\n{RULE}issuer = sha256:" + 64 * "0" + "\nmode = enforce\n",
     "CA certificates that the client sends"),
    ("enforced by hash", f"mode = report\nrules = rules\n{RULE}certificate = sha256:" + 64 * "0" +
     "\nmode = enforce\n", "a signature can be rewritten"),
    ("resumed under another name", f"resumption = allow\nrules = rules\n{RULE}server_name = a.example\npolicy = one\n",
     "without a verdict"),
    ("enforced by server name", f"mode = report\nrules = rules\n{RULE}server_name = a.example\nmode = enforce\n",
     "asks for more by `server_name`"),
    ("fewer logs than needed", "policy = p\n[p]\nmin_scts = 20\n", "needs up to 20 SCTs"),
    ("a log that is not there", "policy = p\n[p]\nrequire_log = Log Q\n", "no log in the lists has this"),
    ("a shadow that is the policy", "policy = one\nshadow_policy = one\n", "enforced anyway"),
    ("a store that is no source", "sources = embedded\nsct_store = /tmp\n", "`sources` has no `store`"),
)


class Check(Case):
    def texts(self, answer, severity):
        return [problem["text"] for problem in answer["problems"] if problem["severity"] == severity]

    def warning(self, answer, *words):
        """The one warning that has all the words."""
        found = [text for text in self.texts(answer, "warning") if all(word in text for word in words)]
        self.assertEqual(len(found), 1, (words, answer["problems"]))
        return found[0]

    def test_good_configuration(self):
        config = self.config("[two]\nmin_scts = 2, 3 over 180d\nmin_operators = 2",
                             top="policy = two\nshadow_policy = chrome\nsources = embedded, tls")
        answer = self.ask("check", "--config", config, "--strict", code=0)
        self.assertEqual((answer["ok"], answer["errors"], answer["warnings"], answer["problems"]), (True, 0, 0, []))
        force = answer["in_force"]
        self.assertEqual((force["mode"], force["policy"], force["shadow_policy"]), ("enforce", "two", "chrome"))
        self.assertEqual(force["sources"], ["embedded", "tls"])
        self.assertEqual(force["log_lists"][0]["logs"], 3)
        text = run("check", "--config", config).stdout.decode()
        self.assertIn("two: 2 SCTs, 3 over 180 days; 2 operators", text)
        self.assertIn("3 logs", text)
        self.assertTrue(text.endswith("usable: 0 errors, 0 warnings\n"), text)

    def test_every_error_with_its_line(self):
        config = self.config("[unused]\nmin_scts = 1", top="mod = report\npolicy = nosuch\nmode = of")
        answer = self.ask("check", "--config", config, code=2)
        lines = {problem["line"] for problem in answer["problems"] if problem["severity"] == "error"}
        self.assertLessEqual({2, 3, 4}, lines)
        self.assertEqual({problem["file"] for problem in answer["problems"]}, {config})
        self.assertFalse(answer["ok"])
        self.assertIsNone(answer["in_force"])
        text = run("check", "--config", config).stdout.decode()
        self.assertIn(f"{config}:2: error: ", text)
        self.assertIn("refuses every client certificate", text)

    def test_broken_list_is_an_error_of_the_list(self):
        bad = self.write("bad.json", "{")
        config = self.write("bad.cnf", f"log_list = {bad}\n")
        answer = self.ask("check", "--config", config, code=2)
        self.assertEqual(answer["problems"][0]["file"], bad)
        self.assertEqual(answer["in_force"]["mode"], "enforce")
        self.assertIn(b"finds no certificate compliant", run("check", "--config", config).stdout)

    def test_missing_files(self):
        self.ask("check", "--config", self.path("nothing"), code=2)
        config = self.write("nolist.cnf", f"log_list = {self.path('nolist.json')}\n")
        self.ask("check", "--config", config, code=2)

    def test_fewer_logs_than_the_policy_needs(self):
        config = self.config("[many]\nmin_scts = 1, 4 over 180d\nmin_operators = 2", top="policy = many")
        answer = self.ask("check", "--config", config, code=0)
        self.warning(answer, "policy many", "up to 4 SCTs", "only 3 of the 3 logs")
        self.ask("check", "--config", config, "--strict", code=1)

    def test_fewer_operators_than_the_policy_needs(self):
        config = self.config("[many]\nmin_scts = 4\nmin_operators = 4", top="policy = many")
        self.warning(self.ask("check", "--config", config, code=0), "from 4 operators", "from 3 operators")

    def test_max_per_operator_is_counted(self):
        logs = [f"{self.path('log-' + letter)},operator=Same" for letter in "abc"]
        pki("list", "--out", self.path("same.json"), *logs)
        config = self.write("same.cnf", f"log_list = {self.path('same.json')}\npolicy = p\n"
                                        "[p]\nmin_scts = 2\nmax_per_operator = 1\n")
        self.warning(self.ask("check", "--config", config, code=0), "max_per_operator leaves out some")

    def test_only_open_logs_count(self):
        for state in ("state=retired", "state=rejected", "state=pending", "end=-1d"):
            with self.subTest(state=state):
                pki("list", "--out", self.path("states.json"), f"{self.path('log-a')},{state}",
                    f"{self.path('log-b')}")
                config = self.write("states.cnf", f"log_list = {self.path('states.json')}\npolicy = p\n"
                                                  "[p]\nmin_scts = 2\n")
                self.warning(self.ask("check", "--config", config, code=0), "only 1 of the 2 logs")

    def test_logs_about_to_leave_their_interval(self):
        pki("list", "--out", self.path("soon.json"), f"{self.path('log-a')},end=+10d", f"{self.path('log-b')}")
        config = self.write("soon.cnf", f"log_list = {self.path('soon.json')}\npolicy = p\n[p]\nmin_scts = 2\n")
        self.warning(self.ask("check", "--config", config, code=0), "in 30 days only 1 log ", "newer log list")

    def test_required_log_that_is_not_there(self):
        config = self.config("[p]\nrequire_log = Log Q", top="policy = p")
        self.warning(self.ask("check", "--config", config, code=0), "require_log = Log Q", "nothing can satisfy it")
        config = self.config("[p]\nrequire_log = Log A", top="policy = p")
        self.assertEqual(self.ask("check", "--config", config, code=0)["warnings"], 0)

    def test_what_is_surely_not_meant(self):
        for name, settings, says, *more in WARNINGS:
            with self.subTest(name=name):
                config = self.write("meant.cnf", f"log_list = {self.path('log_list.json')}\naudit = none\n{settings}")
                answer = self.ask("check", "--config", config, code=0)
                self.warning(answer, says)
                self.assertEqual(answer["warnings"], 1 + len(more), answer["problems"])
                for words in more:
                    self.warning(answer, words)
                problem = answer["problems"][0]
                self.assertEqual((problem["file"], problem["severity"]), (config, "warning"))
                self.assertIsNotNone(problem["line"])
                self.ask("check", "--config", config, "--strict", code=1)

    def test_a_policy_that_nobody_uses_is_an_error(self):
        config = self.config("[house]\nmin_scts = 2\n")
        answer = self.ask("check", "--config", config, code=2)
        self.assertIn("house", self.texts(answer, "error")[0])

    def test_stale_list(self):
        pki("list", "--out", self.path("old.json"), "--timestamp", "-40d", self.path("log-a"))
        for on_stale, code, severity in (("warn", 0, "warning"), ("report", 0, "warning"), ("refuse", 2, "error")):
            with self.subTest(on_stale=on_stale):
                config = self.write("old.cnf", f"log_list = {self.path('old.json')}\non_stale = {on_stale}\n"
                                               "log_list_max_age = 35d\n")
                answer = self.ask("check", "--config", config, code=code)
                self.assertTrue(any("40 days old" in text for text in self.texts(answer, severity)), answer)

    def test_exemption_that_has_ended(self):
        config = self.config("[rules]\nold = old\n[old]\nissued_before = 2026-01-01T00:00:00Z\nexempt = yes\n"
                             "expires = 2026-01-02T00:00:00Z", top="rules = rules")
        answer = self.ask("check", "--config", config, code=0)
        self.warning(answer, "exemption", "ended on 2026-01-02T00:00:00Z")
        self.assertIn("which is past", answer["in_force"]["rules"][0]["effect"])

    def writers(self, config, *words):
        """The one warning about a file or directory that somebody else may write."""
        answer = self.ask("check", "--config", config, code=0)
        self.assertEqual(answer["warnings"], 1, answer["problems"])
        return self.warning(answer, *words)

    def test_files_that_others_can_write(self):
        config = self.config()
        self.assertEqual(self.ask("check", "--config", config, code=0)["warnings"], 0)
        for path, mode in ((config, 0o666), (self.path("log_list.json"), 0o602), (self.dir, 0o777)):
            with self.subTest(path=path):
                before = os.stat(path).st_mode & 0o7777
                os.chmod(path, mode)
                self.writers(config, path, f"may be written by everybody (mode {mode:04o})", "change who is let in")
                os.chmod(path, before)
        os.chmod(self.dir, 0o1777)  # sticky: nobody can replace what is another's
        self.assertEqual(self.ask("check", "--config", config, code=0)["warnings"], 0)
        os.chmod(self.dir, 0o700)

    def test_every_directory_up_to_the_root_counts(self):
        folder = os.path.join(self.dir, "a", "b")
        os.makedirs(folder)
        shutil.copy(self.path("log_list.json"), folder)
        link = os.path.join(self.dir, "link")
        os.symlink("a/b", link)
        for log_list in (os.path.join(folder, "log_list.json"), os.path.join(link, "log_list.json")):
            config = self.write("deep.cnf", f"log_list = {log_list}\naudit = none\n")
            self.assertEqual(self.ask("check", "--config", config, code=0)["warnings"], 0)
            os.chmod(os.path.dirname(folder), 0o757)
            self.writers(config, f"the directory {os.path.dirname(folder)} may be written by everybody",
                         "replace what is in it")
            os.chmod(os.path.dirname(folder), 0o755)

    @unittest.skipUnless(os.getuid() == 0, "only root gives files away")
    def test_owners_groups_and_access_control_lists(self):
        config, nobody = self.config(), pwd.getpwnam("nobody")
        os.chown(config, nobody.pw_uid, 0)
        self.writers(config, f"{config} belongs to nobody")
        os.chown(config, 0, nobody.pw_gid)
        os.chmod(config, 0o664)
        self.writers(config, f"may be written by group {grp.getgrgid(nobody.pw_gid).gr_name} (mode 0664)")
        os.chown(config, 0, 0)
        self.assertEqual(self.ask("check", "--config", config, code=0)["warnings"], 0)
        os.chmod(config, 0o644)
        # user::rw-, user:nobody:rw-, group::r--, mask::rw-, other::r--, as setfacl writes it
        entries = ((1, 6, 0xffffffff), (2, 6, nobody.pw_uid), (4, 4, 0xffffffff), (16, 6, 0xffffffff),
                   (32, 4, 0xffffffff))
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
        try:
            os.setxattr(config, "system.posix_acl_access", acl)
        except OSError as error:
            self.skipTest(f"no access control lists here: {error}")
        self.writers(config, "may be written by nobody (access control list")
        entries = entries[:1] + ((2, 4, nobody.pw_uid),) + entries[2:]
        os.setxattr(config, "system.posix_acl_access",
                    struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries))
        self.assertEqual(self.ask("check", "--config", config, code=0)["warnings"], 0)

    def test_it_says_what_it_looked_at(self):
        store = self.path("store")
        os.mkdir(store)
        config = self.config(f"{RULE}issuer = {self.path('ca.pem')}\nserver_name = a.example\npolicy = one\n",
                             top=f"rules = rules\nsct_store = {store}")
        answer = self.ask("check", "--config", config, code=0)
        self.assertEqual(set(answer["looked_at"]),
                         {config, self.path("log_list.json"), self.path("ca.pem"), store})
        self.assertEqual(answer["in_force"]["rules"][0]["conditions"],
                         {"server_name": "the client", "issuer": "the client"})
        text = run("check", "--config", config).stdout.decode()
        for words in ("server_name (chosen by the client)", "tls (from the client)", "embedded (from the CA)",
                      self.path("ca.pem"), "access control list of each, and of every directory up to the root"):
            self.assertIn(words, text)

    def test_stores_that_are_not_there(self):
        config = self.config(top=f"sct_store = {self.path('nostore')}\nocsp_store = {self.path('ca.pem')}")
        answer = self.ask("check", "--config", config, code=0)
        self.warning(answer, "sct_store", "No such file or directory")
        self.warning(answer, "ocsp_store", "is no directory")

    def test_hostile_bytes_in_the_configuration(self):
        config = self.write("hostile.cnf", b"mode = \x1b[2Jenforce\xff\nlog_list = /x\n")
        done = run("check", "--config", config)
        self.assertEqual(done.returncode, 2)
        self.assertNotRegex(done.stdout, rb"[\x00-\x08\x0b-\x1f\x7f-\xff]")


if __name__ == "__main__":
    unittest.main()
