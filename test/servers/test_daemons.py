# SPDX-License-Identifier: Apache-2.0
"""Servers that are no web servers, and log what the TLS library says in their own ways: Redis and mosquitto."""
import socket

from clientct import (ENTRIES, JUDGED, VERSIONS, client_context, expected_reason, fixture, need_our_openssl,
                      write_config, write_openssl_conf)
from processes import LONGEST, Server, TemporaryFolder, environment, free_port, program
from tap import Skip, equal, main, table


def redis(folder, openssl_conf, port):
    pki = fixture()
    return Server(folder, [program("redis-server"), "--port", "0", "--tls-port", port, "--bind", "127.0.0.1",
                           "--save", "", "--dir", folder, "--loglevel", "verbose",
                           "--tls-cert-file", pki / "server.pem", "--tls-key-file", pki / "server.key",
                           "--tls-ca-cert-file", pki / "ca.pem", "--tls-auth-clients", "yes"],
                  environment(openssl_conf), port)


def ask_redis(port, context):
    return say(port, context, b"PING\r\n", b"+PONG\r\n")


def mosquitto(folder, openssl_conf, port):
    pki = fixture()
    for name in ("server.pem", "server.key", "ca.pem"):  # it reads them without root's rights
        (folder / name).write_bytes((pki / name).read_bytes())
        (folder / name).chmod(0o644)
    folder.chmod(0o755)
    (folder / "mosquitto.conf").write_text("\n".join([
        f"listener {port} 127.0.0.1", f"certfile {folder}/server.pem", f"keyfile {folder}/server.key",
        f"cafile {folder}/ca.pem", "require_certificate true", "allow_anonymous true", "log_dest stderr",
        "log_type all", ""]))
    return Server(folder, [program("mosquitto"), "-c", folder / "mosquitto.conf"], environment(openssl_conf), port)


def ask_mosquitto(port, context):
    connect = b"\x00\x04MQTT\x04\x02\x00\x3c" + b"\x00\x05tests"
    return say(port, context, b"\x10" + bytes([len(connect)]) + connect, b"\x20\x02\x00\x00")


def say(port, context, question, answer):
    """Whether the server answers; how it refuses shows only when it is read from."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=LONGEST) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(question)
                return tls.recv(len(answer)) == answer
    except (OSError, ConnectionError):
        return False


SERVERS = {"redis-server": (redis, ask_redis), "mosquitto": (mosquitto, ask_mosquitto)}


def daemon(name, folder, openssl_conf):
    path = program(name)
    if path is None:
        raise Skip(f"{name} is not installed")
    need_our_openssl(path, name)
    return SERVERS[name][0](folder, openssl_conf, free_port())


@table(*((name, entry, version) for name in SERVERS for entry in ENTRIES for version in VERSIONS))
def judges(name, entry, version):
    with TemporaryFolder() as folder:
        with daemon(name, folder, write_openssl_conf(folder, write_config(folder), entry)).wait_ready() as server:
            for client in JUDGED:
                reason = expected_reason(client)
                equal(SERVERS[name][1](server.port, client_context(client, version)), reason is None,
                      f"whether {client} is served")
                if reason is not None:
                    server.wait_output(f"clientct: refused client certificate: {reason}")


@table(*((name, entry) for name in SERVERS for entry in ENTRIES))
def does_not_start_without_the_component(name, entry):
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder), entry, so=folder / "missing.so")
        with daemon(name, folder, conf) as server:
            equal(server.wait_end() != 0, True, f"whether {name} failed")


if __name__ == "__main__":
    main()
