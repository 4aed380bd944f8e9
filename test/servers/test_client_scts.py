# SPDX-License-Identifier: Apache-2.0
"""Clients that bring SCTs by what clientct-clients(7) shows of their sources: let in with them, refused without."""
import client_rows
from clientct import fixture, s_server, write_config, write_openssl_conf
from processes import TemporaryFolder
from tap import Skip, equal, main, table


@table(("go",), ("nss",), ("bouncycastle",))
def is_let_in_by_scts_that_it_brings(name):
    client = client_rows.described([name])[name]
    missing = client_rows.missing_of(client)
    if missing:
        raise Skip(f"not installed: {' '.join(missing)}")
    with TemporaryFolder() as folder:
        trial = client_rows.Trial(client, folder)
        trial.prepare()
        (folder / "server").mkdir()
        conf = write_openssl_conf(folder / "server", write_config(folder / "server", sources="tls"))
        with s_server(folder / "server", conf).wait_ready() as server:
            found = trial.connect("unlogged", "1.3", server)
            equal((found["answer"], found.get("sent")), ("out", True), "without SCTs, and whether its certificate came")
            equal(client_rows.bring_scts(trial, server), "in", "with SCTs")


if __name__ == "__main__":
    fixture()
    main()
