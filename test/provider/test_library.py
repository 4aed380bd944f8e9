# SPDX-License-Identifier: Apache-2.0
"""What the files themselves promise: exports, linking, and being harmless to programs that are not TLS servers."""
import os
import re
import subprocess
from pathlib import Path

from clientct import ENTRIES, MODULE, OPENSSL, fixture, s_server, write_config, write_openssl_conf
from processes import TemporaryFolder, environment, program, run
from tap import Skip, case, contains, equal, lacks, main, table

LIBRARY = os.environ["LIBCLIENTCT"]
HEADER = Path(os.environ["CLIENTCT_INCLUDE"]) / "clientct" / "clientct.h"


def exports(path):
    listed = subprocess.run(["nm", "-D", "--defined-only", path], check=True, stdout=subprocess.PIPE).stdout.decode()
    return sorted(line.split()[2].split("@")[0] for line in listed.splitlines() if line.split()[1] in "TtWwBbDdRrVv")


def dynamic_section(path):
    return subprocess.run(["readelf", "-dW", path], check=True, stdout=subprocess.PIPE).stdout.decode()


@case
def component_exports_its_entry_points_only():
    equal(exports(MODULE), ["OPENSSL_finish", "OPENSSL_init", "OSSL_provider_init", "clientct_entries"],
          "exports of clientct.so")


@case
def library_exports_the_functions_of_its_header():
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    text = re.sub(r"\btypedef\b[^;]*;", "", text)
    text = re.sub(r"^static inline.*?^}", "", text, flags=re.DOTALL | re.MULTILINE)
    declared = sorted(set(re.findall(r"\b(clientct_\w+)\(", text)))
    equal(exports(LIBRARY), declared, "exports of libclientct")


@table((MODULE,), (LIBRARY,))
def nothing_is_bound_by_name_but_openssl_and_libc(path):
    """What a host exports under the same name would be called instead; module/base/jansson.c has the reason."""
    if os.environ.get("CLIENTCT_SANITIZERS", "none") != "none":
        return  # their runtime takes the place of libc's functions, by names without a version
    listed = subprocess.run(["nm", "-D", "--undefined-only", path], check=True, stdout=subprocess.PIPE).stdout.decode()
    names = [line.split()[-1] for line in listed.splitlines() if line.split()[0] == "U"]
    allowed = re.compile(r"@(OPENSSL_|GLIBC_|LIBSSL_|GCC_)|^__(asan|ubsan|tsan|sanitizer|gcov)")
    equal([name for name in names if not allowed.search(name)], [], f"what {Path(path).name} takes from elsewhere")


@case
def component_is_never_unmapped():
    contains(dynamic_section(MODULE), "NODELETE", "the dynamic section of clientct.so")


@case
def component_needs_no_libclientct():
    lacks(dynamic_section(MODULE), "libclientct", "what clientct.so needs")


@case
def library_has_a_versioned_name():
    contains(dynamic_section(LIBRARY), "libclientct.so.0]", "the SONAME of libclientct")


@table(*((entry,) for entry in ENTRIES + ("both",)))
def client_with_ct_of_its_own_still_works(entry):
    """s_client -ct in a process with the component: it must reach the certificate check, in which no log is known."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry)
        pki = fixture()
        with s_server(folder, conf).wait_ready() as server:
            said = run([OPENSSL, "s_client", "-connect", f"127.0.0.1:{server.port}", "-ct", "-ctlogfile",
                        pki / "log_list.cnf", "-CAfile", pki / "ca.pem", "-cert", pki / "client-good.pem", "-key",
                        pki / "client-good.key", "-ign_eof"], environment(conf), "GET / HTTP/1.0\r\n\r\n")[1]
            lacks(said, "custom ext handler already installed", "what s_client says")
            contains(said, "SCTs present", "what s_client says")


@table(("module",), ("provider",))
def loading_activates_no_other_provider(entry):
    """A program that wants only the base provider keeps having only that."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, dead_man_switch=False)
        text = conf.read_text().replace("default = default_provider", "base = default_provider")
        if entry == "module":
            text = text.replace("clientct = clientct_module\n", "clientct = clientct_module\nproviders = providers\n")
            text = text.replace("clientct = clientct_provider\n", "")
        conf.write_text(text)
        said = run([OPENSSL, "list", "-providers"], environment(conf))[1]
        contains(said, "OpenSSL Base Provider", "the active providers")
        contains(said, "name: clientct", "the active providers")
        lacks(said, "OpenSSL Default Provider", "the active providers")


@case
def loading_keeps_the_default_provider_coming_by_itself():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        equal(run([OPENSSL, "dgst", "-sha256", conf], environment(conf))[0], 0, "status of openssl dgst")


@table(*((entry,) for entry in ENTRIES))
def ordinary_commands_say_nothing_and_read_our_files_once(entry):
    """Once, when the component is loaded: it cannot know that no server follows, and later may be too late."""
    strace = program("strace")
    if strace is None:
        raise Skip("strace is not installed")
    with TemporaryFolder() as folder:
        config = write_config(folder)
        conf = write_openssl_conf(folder, config, entry)
        status, said = run([strace, "-f", "-e", "trace=openat,socket", "-o", folder / "trace", OPENSSL, "rand", "-hex",
                            "4"], environment(conf))
        if "ptrace" in said:
            raise Skip("tracing is not permitted here")
        equal((status, len(said.strip())), (0, 8), "status and length of the output of openssl rand")
        trace = (folder / "trace").read_text()
        contains(trace, "clientct.so", "the files opened")
        equal(trace.count(f'"{config}"'), 1, "how often clientct.cnf is opened")


@case
def properties_of_the_administrator_survive():
    """default_properties in our section are what the switch is replaced by."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), section="default_properties = provider=nobody")
        status, said = run([OPENSSL, "dgst", "-sha256", conf], environment(conf))
        equal(status != 0, True, f"whether nothing can be fetched from provider=nobody: {said}")
        conf = write_openssl_conf(folder, write_config(folder), section="default_properties = provider=default")
        equal(run([OPENSSL, "dgst", "-sha256", conf], environment(conf))[0], 0, "status with provider=default")


@case
def fips_chosen_elsewhere_survives():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        switch = "default_properties = clientct=loaded"
        conf.write_text(conf.read_text().replace(switch, "default_properties = fips=yes"))
        equal(run([OPENSSL, "dgst", "-sha256", conf], environment(conf))[0] != 0, True,
              "whether nothing is fetched without a FIPS provider")


@case
def library_and_component_live_in_one_process():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        env = environment(conf)
        env["LD_PRELOAD"] = ":".join(filter(None, [env.get("LD_PRELOAD"), LIBRARY]))
        status, said = run([OPENSSL, "rand", "-hex", "4"], env)
        equal(status, 0, f"status of openssl rand, which said {said!r}")


@case
def header_compiles_alone():
    compiler = program("cc") or program("gcc") or program("clang")
    if compiler is None:
        raise Skip("no compiler is installed")
    status, said = run([compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c", "-I",
                        HEADER.parent.parent, HEADER])
    equal(status, 0, f"status of the compiler, which said {said!r}")


MANUAL = HEADER.parents[2] / "module" / "man" / "libclientct.3"


@case
def manual_has_every_function_of_the_header():
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    text = re.sub(r"\btypedef\b[^;]*;", "", text)
    text = re.sub(r"{[^}]*}", "", text)
    declared = {name for name in re.findall(r"\b(clientct_\w+)\(", text) if not name.endswith("_sized")}
    synopsis = MANUAL.read_text().split(".SH DESCRIPTION")[0]
    equal(sorted(set(re.findall(r"\b(clientct_\w+)\(", synopsis))), sorted(declared), "functions in libclientct(3)")


@case
def example_of_the_manual_decides():
    compiler = program("cc") or program("gcc") or program("clang")
    if compiler is None:
        raise Skip("no compiler is installed")
    source = re.search(r"^\.EX\n(.*?)^\.EE", MANUAL.read_text(), re.DOTALL | re.MULTILINE)[1].replace(r"\e", "\\")
    with TemporaryFolder() as folder:
        (folder / "decide.c").write_text(source)
        status, said = run([compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", HEADER.parents[1], "-o",
                            folder / "decide", folder / "decide.c", LIBRARY, "-lcrypto"])
        equal(status, 0, f"status of the compiler, which said {said!r}")
        env = environment("/dev/null")  # nothing is loaded; with sanitizers, their runtime is
        env["LD_LIBRARY_PATH"] = str(Path(LIBRARY).parent)
        config, pki = write_config(folder), fixture()
        for client, wanted, reason in (("good", 0, "compliant"), ("unlogged", 1, "no-scts")):
            status, said = run([folder / "decide", config, pki / f"client-{client}.pem", pki / "ca.pem"], env)
            equal((status, said.split(":")[0]), (wanted, reason), f"the answer about client-{client}.pem")


if __name__ == "__main__":
    main()
