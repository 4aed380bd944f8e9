"""`clientct submit` and a real CT log, TesseraCT in its POSIX mode: what the log signs, a server accepts."""
import json
import os
import subprocess
from pathlib import Path

from clientct import CTPKI, ask, client_context, fixture, s_server, write_config, write_openssl_conf
from processes import LONGEST, Server, TemporaryFolder, environment, free_port
from tap import Skip, case, contains, equal, main

CLIENTCT = os.environ["CLIENTCT"]
GO = os.environ.get("GO")
PINNED = Path(__file__).parent / "tesseract"  # go.mod and go.sum: the version, and the hash of every module
PACKAGE = "github.com/transparency-dev/tesseract/cmd/tesseract/posix"
BUILD_SECONDS = 600


def unavailable(why):
    """Without the log there is nothing to test; where it must be there, that is a failure."""
    if os.environ.get("CI") == "true" and os.environ.get("CLIENTCT_REQUIRE_CTLOG") == "1":
        raise AssertionError(f"{why}, and CLIENTCT_REQUIRE_CTLOG demands the log")
    raise Skip(why)


def build_log(folder):
    if not GO:
        unavailable("there is no Go to build TesseraCT with")
    binary = Path(os.environ.get("CLIENTCT_TESSERACT") or folder / "tesseract")
    if not binary.exists():
        try:
            done = subprocess.run([GO, "build", "-mod=readonly", "-p", "2", "-o", str(binary), PACKAGE], cwd=PINNED,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=BUILD_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            unavailable(f"TesseraCT was not built within {BUILD_SECONDS} s")
        if done.returncode != 0:
            unavailable("TesseraCT cannot be built here: " + done.stdout.decode("utf-8", "replace").strip()[-300:]
                        .replace("\n", " "))
    return binary


def make_key(path):
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(path) + ".ec"],
                   check=True, timeout=LONGEST, stderr=subprocess.DEVNULL)
    # The log wants the EC form of the key, ctpki the other one.
    for words in (["pkcs8", "-topk8", "-nocrypt", "-in", f"{path}.ec", "-out", f"{path}.key"],
                  ["pkey", "-in", f"{path}.ec", "-pubout", "-out", f"{path}.pub.pem"]):
        subprocess.run(["openssl", *words], check=True, timeout=LONGEST)


def start_log(folder, binary):
    make_key(folder / "log")
    port = free_port()
    (folder / "storage").mkdir()
    server = Server(folder, [binary, "-http_endpoint", f"127.0.0.1:{port}", "-origin", "log.example/clientct",
                             "-private_key", folder / "log.ec", "-roots_pem_file", fixture() / "ca.pem",
                             "-storage_dir", folder / "storage", "-ext_key_usages", "ClientAuth"],
                    environment(OTEL_SDK_DISABLED="true"), port, "tesseract")
    subprocess.run([CTPKI, "list", "--out", str(folder / "logs.json"),
                    f"{folder / 'log'},description=Ours,url=http://127.0.0.1:{port}/,tiled"],
                   check=True, timeout=LONGEST)
    return server


def submit(config, client, *more):
    done = subprocess.run([CLIENTCT, "submit", "--config", config, "--store", "--log", "Ours", "--json", *more,
                           fixture() / f"client-{client}.pem"],
                          stdout=subprocess.PIPE, timeout=4 * LONGEST, check=False)
    return done.returncode, json.loads(done.stdout)["logs"][0]


@case
def what_a_real_log_signs_is_kept_and_accepted():
    with TemporaryFolder() as folder:
        binary = build_log(folder)
        folder.joinpath("store").mkdir()
        config = write_config(folder, log_list=folder / "logs.json", sources="store", sct_store=folder / "store")
        with start_log(folder, binary).wait_ready() as log, \
                s_server(folder, write_openssl_conf(folder, config)).wait_ready() as server:
            equal(ask(server.port, client_context("unlogged")).served, False, "before it is logged")
            status, answer = submit(config, "unlogged")
            equal((status, answer["outcome"]), (0, "signed"), f"submit: {answer}\n{log.output()}")
            equal(ask(server.port, client_context("unlogged")).served, True, "once it is logged")
            # The log gives the first promise again; nothing is asked for that is there already.
            equal(submit(config, "unlogged")[1]["outcome"], "already-there", "submitting again")
            kept, = folder.joinpath("store").iterdir()
            kept.unlink()
            again = submit(config, "unlogged")[1]
            equal((again["outcome"], again["timestamp"]), ("signed", answer["timestamp"]), "from a log that knows it")
            equal(ask(server.port, client_context("unlogged")).served, True, "with the second answer")
            # A chain that ends at a root that the log does not accept.
            status, answer = submit(config, "other-ca-good")
            equal((status, answer["outcome"]), (1, "refused"), f"submit of another CA's: {answer}")
            contains(answer["detail"], "HTTP 4", "what the log said")


if __name__ == "__main__":
    main()
