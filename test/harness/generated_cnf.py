# SPDX-License-Identifier: Apache-2.0
"""Configuration of a service by chance: openssl.cnf and clientct.cnf, valid, half-valid and in odd orders."""
import random

GOOD_MODES = ("", "", "", "", "mode = enforce\n", "mode = report\n", "mode = off\n")


class Generated:
    """One set of files in `folder`; `conf` is what OPENSSL_CONF says, `about` what was chosen."""

    def __init__(self, seed, folder, component, other_library, log_list):
        self.random = random.Random(seed)
        self.folder, self.component, self.other, self.log_list = folder, component, other_library, log_list
        self.about = []
        self.sections = {}
        self.config = self.make_config()
        self.conf = self.make_conf()

    def often(self, usual, *others, share=0.75):
        """The usual thing, most of the time."""
        chosen = usual if self.random.random() < share or not others else self.random.choice(others)
        if chosen != usual:
            self.about.append(str(chosen).replace(str(self.folder), "."))
        return chosen

    def make_config(self):
        path = self.folder / "clientct.cnf"
        text = f"log_list = {self.log_list}\npolicy = one\naudit = none\n" + self.random.choice(GOOD_MODES)
        kind = self.often("usable", "missing", "misspelt", "no list", "exempt all", "unreadable", share=0.94)
        if kind == "misspelt":
            text += "polcy = one\n"
        elif kind == "no list":
            text = text.replace(str(self.log_list), "/nonexistent/list")
        elif kind == "exempt all":
            text += "rules = rules\n[rules]\nall = all\n[all]\nissued_after = 2020-01-01T00:00:00Z\nexempt = yes\n"
        if kind != "missing":
            path.write_text(text)
        return path

    def so(self):
        return self.often(self.component, "/nonexistent/clientct.so", "clientct.so", self.other,
                          f"{self.folder}/clientct.cnf", "", share=0.94)

    def ours(self, key):
        lines = [f"{key} = {self.so()}", f"config = {self.config}"]
        extra = self.often("", "confg = /x", "activate = 1", "default_properties = provider=default",
                           "default_properties = fips=yes", "config = /nonexistent", share=0.94)
        if extra:
            lines.insert(self.random.randrange(3), extra)
        return lines

    def alg(self):
        demand = self.often("clientct=loaded", "?clientct=loaded", "clientct=loaded,provider=default", "fips=yes",
                            "?fips=yes,clientct=loaded", "clientct=loaded,fips=yes", "clientct=loaded,foreign=1",
                            "provider=default", "", "provider=base", "clientct!=loaded", share=0.65)
        lines = [f"default_properties = {demand}"]
        extra = self.often("", "fips_mode = yes", "fips_mode = no", "fips_mode = maybe",
                           "rh-allow-sha1-signatures = yes", share=0.9)
        if extra:
            lines.insert(self.random.randrange(2), extra)
        return lines

    def provider(self):
        lines = self.ours("module")
        activate = self.often("activate = 1", "activate = 0", "activate = yes", "", "activate = true", share=0.85)
        return [line for line in lines if line != "activate = 1"] + ([activate] if activate else [])

    def providers(self, with_ours):
        lines = ["default = default_sect"] if self.often(True, False, share=0.9) else []
        self.sections["default_sect"] = ["activate = 1"] if self.often(True, False, share=0.9) else []
        if with_ours:
            lines.insert(self.random.randrange(len(lines) + 1), "clientct = ours_provider")
            self.sections["ours_provider"] = self.provider()
        return lines

    def ssl_conf(self):
        self.sections["ssl_defaults"] = [self.often("MinProtocol = TLSv1.2", "MinProtocol = TLSv1.3",
                                                    "MaxProtocol = TLSv1.2", "NoSuchCommand = 1",
                                                    "CipherString = DEFAULT@SECLEVEL=5", "VerifyMode = None",
                                                    "Options = NoSuchOption", share=0.6)]
        return ["system_default = ssl_defaults"]

    def line(self, kind):
        """A line of the init section; what it names is made too, or left out."""
        name = f"{kind}_sect"
        make = {"alg_section": self.alg, "clientct": lambda: self.ours("path"),
                "providers": lambda: self.providers(False), "our_providers": lambda: self.providers(True),
                "random": lambda: [f"properties = {self.often('clientct=loaded', '', 'provider=default')}"],
                "ssl_conf": self.ssl_conf, "oid_section": lambda: ["made_up = 1.2.3.4.5"],
                "engines": lambda: ["none = none_sect"], "no_such_module": lambda: ["a = b"],
                "config_diagnostics": lambda: []}[kind]
        lines = make()
        if self.often(True, False, share=0.97):
            self.sections[name] = lines
        key = "providers" if kind == "our_providers" else kind
        if kind == "config_diagnostics":
            return "config_diagnostics = 1"
        return f"{self.often(key, key.upper(), key + '.one', share=0.97)} = {name}"

    def make_init(self):
        kinds = [self.often("clientct", "our_providers", "", share=0.65)]
        if self.often(True, False, share=0.9):
            kinds.insert(0, "alg_section")
        if self.random.random() < 0.3:
            kinds.insert(0, "random")
        for kind in ("ssl_conf", "oid_section", "engines", "no_such_module", "config_diagnostics", "providers"):
            if self.random.random() < 0.07:
                self.about.append(kind)
                kinds.insert(self.random.randrange(len(kinds) + 1), kind)
        if self.random.random() < 0.15:
            self.random.shuffle(kinds)
            self.about.append("shuffled")
        return [self.line(kind) for kind in kinds if kind]

    def make_conf(self):
        path = self.folder / "openssl.cnf"
        init = self.make_init()
        top = [f"{self.often('openssl_conf', 'nginx', 'Openssl_conf', 'nodejs_conf', share=0.95)} = init"]
        top += [f"nginx = {self.often('init', 'other', share=0.95)}"]
        top += self.often(["config_diagnostics = 1"], [], ["config_diagnostics = 0"], share=0.6)
        if self.random.random() < 0.1:
            top.insert(self.random.randrange(2), ".include /etc/ssl/openssl.cnf")
            self.about.append("included")
        blocks = [["[init]", *init]] + [[f"[{name}]", *lines] for name, lines in self.sections.items()]
        blocks.append(["[other]"])
        if self.random.random() < 0.3:
            self.random.shuffle(blocks)
        lines = [line for block in ([top] if self.often(True, False, share=0.95) else []) + blocks for line in block]
        trouble = self.often("", "[unclosed", "no equals sign", "missing file", "directory", "twice", "bytes",
                             "a = $nowhere", ".include /nonexistent/x.cnf", share=0.93)
        if trouble in ("[unclosed", "no equals sign", "a = $nowhere", ".include /nonexistent/x.cnf"):
            lines.insert(self.random.randrange(len(lines) + 1), trouble)
        if trouble == "twice":
            lines += lines
        if trouble == "directory":
            path.mkdir()
        elif trouble != "missing file":
            path.write_bytes("\n".join([*lines, ""]).encode() + (bytes(range(256)) if trouble == "bytes" else b""))
        return path
