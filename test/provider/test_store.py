# SPDX-License-Identifier: Apache-2.0
"""The OSSL_STORE scheme clientct: the CA certificates of the rules and the keys of the logs."""
from clientct import ENTRIES, OPENSSL, ask, client_context, fixture, s_server, write_config, write_openssl_conf
from processes import Server, TemporaryFolder, environment, free_port, run
from tap import case, contains, equal, lacks, main, table


def config_with_anchors(folder):
    """Rules that name both CAs of the fixture by file, one of them twice."""
    pki = fixture()
    config = write_config(folder, rules="rules")
    with open(config, "a", encoding="ascii") as out:
        out.write(f"[rules]\nfirst = first\nagain = again\nother = other\n"
                  f"[first]\nissuer = {pki}/ca.pem\nserver_name = first.example\npolicy = one\n"
                  f"[again]\nissuer = {pki}/ca.pem\npolicy = one\n"
                  f"[other]\nissuer = {pki}/other-ca.pem\npolicy = one\n")
    return config


def storeutl(conf, *arguments):
    return run([OPENSSL, "storeutl", *arguments], environment(conf))


@table(*((entry,) for entry in ENTRIES + ("both",)))
def lists_the_keys_of_the_logs(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry)
        status, said = storeutl(conf, "clientct:logs")
        equal(status, 0, f"status of storeutl, which said {said!r}")
        contains(said, "Total found: 3", "what storeutl says")
        for log in ("log-a", "log-b", "log-c"):
            contains(said, (fixture() / f"{log}.pub.pem").read_text(), f"the keys, with that of {log}")
        lacks(said, (fixture() / "log-x.pub.pem").read_text(), "the keys, without that of log-x")


@table(*((entry,) for entry in ENTRIES))
def lists_the_cas_of_the_rules_once_each(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, config_with_anchors(folder), entry)
        status, said = storeutl(conf, "-certs", "clientct:anchors")
        equal(status, 0, f"status of storeutl, which said {said!r}")
        contains(said, "Total found: 2", "what storeutl says")
        for ca in ("ca", "other-ca"):
            contains(said, (fixture() / f"{ca}.pem").read_text(), f"the certificates, with that of {ca}")


@table(*((entry,) for entry in ENTRIES))
def is_there_where_only_fips_is_wanted(entry):
    """As libcrypto's own stores, which do no cryptography either; certificates need no algorithm to be read."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, config_with_anchors(folder), entry)
        status, said = storeutl(conf, "-propquery", "fips=yes", "-certs", "clientct:anchors")
        equal(status, 0, f"status of storeutl, which said {said!r}")
        contains(said, "Total found: 2", "what storeutl says")


@case
def gives_no_certificates_where_keys_are_asked_for():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, config_with_anchors(folder))
        said = storeutl(conf, "-certs", "clientct:logs")[1]
        for sign in ("-----BEGIN", "Pkey", ":error:"):
            lacks(said, sign, "what storeutl says")


@table(*((entry,) for entry in ENTRIES))
def anchors_of_a_server_come_from_the_rules(entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, config_with_anchors(folder), entry)
        pki = fixture()
        port = free_port()
        with Server(folder, [OPENSSL, "s_server", "-accept", f"127.0.0.1:{port}", "-www", "-cert", pki / "server.pem",
                             "-key", pki / "server.key", "-verifyCAstore", "clientct:anchors", "-Verify", "3",
                             "-verify_return_error"], environment(conf), port).wait_ready() as server:
            for client, served in (("good", True), ("other-ca-good", True), ("unlogged", False)):
                equal(ask(server.port, client_context(client)).served, served, f"whether {client} is served")


@table(("clientct:", "expected clientct:anchors or clientct:logs"), ("clientct:log", "expected clientct:anchors"),
       ("clientct:logs/x", "expected clientct:anchors"))
def refuses_other_names(uri, said):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder))
        status, output = storeutl(conf, uri)
        equal(status != 0, True, "whether storeutl failed")
        contains(output, said, "what storeutl says")


@table(("clientct:logs",), ("clientct:anchors",))
def cannot_be_opened_without_a_configuration(uri):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, folder / "missing.cnf")
        status, output = storeutl(conf, uri)
        equal(status != 0, True, "whether storeutl failed")
        contains(output, "clientct: store cannot be opened", "what storeutl says")


@case
def server_beside_the_store_is_enforced():
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, config_with_anchors(folder))
        with s_server(folder, conf).wait_ready() as server:
            equal(ask(server.port, client_context("unlogged")).served, False, "whether unlogged is served")


if __name__ == "__main__":
    main()
