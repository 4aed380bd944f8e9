# SPDX-License-Identifier: Apache-2.0
"""What servers say when the component is missing, as README.md has it, and that nobody is served."""
import os
import re
import socket
import ssl
from pathlib import Path

from clientct import client_context, fixture, linked_openssl, need_our_openssl
from daemons import haproxy, nginx, stunnel
from processes import Server, TemporaryFolder, environment, free_port, program, wait_until
from tap import Skip, contains, equal, main, table

SOURCE = Path(__file__).resolve().parents[2]
ROWS = dict(re.findall(r"^\| ([A-Z]?\w[\w.]*) \| (?:does not start|starts, and drops who connects by TLS|the first "
                       r"`SSLContext`)(?:: |, and .*?: )`([^`]+)`", (SOURCE / "README.md").read_text(), re.MULTILINE))


def example(folder):
    """The openssl.cnf of the documents, with a component that is not there."""
    text = (SOURCE / "provider" / "examples" / "openssl-clientct.cnf").read_text()
    for key, value in (("path", folder / "missing.so"), ("config", folder / "clientct.cnf")):
        text, count = re.subn(rf"(?m)^{key}(\s*)=.*$", rf"{key}\1= {value}", text)
        equal(count, 1, f"lines with {key}")
    path = folder / "openssl.cnf"
    path.write_text(text)
    return path


def lighttpd(folder, conf, port):
    pki = fixture()
    (folder / "server.pem").write_text((pki / "server.pem").read_text() + (pki / "server.key").read_text())
    (folder / "lighttpd.conf").write_text(
        f'server.modules = ("mod_openssl")\nserver.document-root = "{folder}"\nserver.port = {port}\n'
        f'server.bind = "127.0.0.1"\nssl.engine = "enable"\nssl.pemfile = "{folder}/server.pem"\n')
    return ["-D", "-f", folder / "lighttpd.conf"]


def mosquitto(folder, conf, port):
    pki = fixture()
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\ncertfile {pki}/server.pem\nkeyfile {pki}/server.key\ncafile {pki}/ca.pem\n"
        "allow_anonymous true\nlog_dest stderr\n")
    return ["-c", folder / "mosquitto.conf"]


def apache2(folder, conf, port):
    modules, pki = "/usr/lib/apache2/modules", fixture()
    (folder / "apache.conf").write_text(
        f"LoadModule mpm_event_module {modules}/mod_mpm_event.so\nLoadModule ssl_module {modules}/mod_ssl.so\n"
        f"LoadModule authz_core_module {modules}/mod_authz_core.so\nServerRoot {folder}\nServerName localhost\n"
        f"PidFile {folder}/pid\nErrorLog {folder}/server.log\nMutex file:{folder} default\nListen 127.0.0.1:{port}\n"
        "User nobody\nGroup nogroup\n"
        f"SSLEngine on\nSSLCertificateFile {pki}/server.pem\nSSLCertificateKeyFile {pki}/server.key\n")
    return ["-DFOREGROUND", "-f", folder / "apache.conf"]


def node(folder, conf, port):
    return ["-e", f"require('https').createServer({{}}).listen({port}, '127.0.0.1')"]


def python3(folder, conf, port):
    return ["-c", "import ssl; ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)"]


def dovecot(folder, conf, port):
    pki = fixture()
    folder.chmod(0o755)
    (folder / "base").mkdir()
    (folder / "dovecot.conf").write_text(
        f"import_environment = OPENSSL_CONF\nbase_dir = {folder}/base\nlog_path = {folder}/server.log\n"
        f"protocols = imap\nssl = required\nssl_cert = <{pki}/server.pem\nssl_key = <{pki}/server.key\n"
        "service imap-login {\n inet_listener imap {\n port = 0\n }\n inet_listener imaps {\n "
        f"port = {port}\n ssl = yes\n address = 127.0.0.1\n }}\n}}\n")
    return ["-F", "-c", folder / "dovecot.conf"]


# By the names in the table: the program, and its arguments.
OTHERS = {"lighttpd": ("lighttpd", lighttpd), "mosquitto": ("mosquitto", mosquitto), "Apache": ("apache2", apache2),
          "Node.js": ("/usr/bin/node", node), "Python": ("/usr/bin/python3", python3), "Dovecot": ("dovecot", dovecot)}
OURS = {"nginx": nginx, "HAProxy": haproxy, "stunnel": stunnel}


IS_THAT_OF_THE_README = ssl.OPENSSL_VERSION.startswith("OpenSSL 3.0.")
ANOTHER = "the README's table is for another OpenSSL, Debian 12's"


def started(name, folder, conf):
    if name in OURS:
        return OURS[name](folder, conf)
    path = program(OTHERS[name][0])
    if not path or (name == "Dovecot" and os.geteuid() != 0):
        raise Skip(f"{name} is not installed, or needs root")
    if name in ("lighttpd", "mosquitto") and linked_openssl(path):
        need_our_openssl(path, name)
    if name == "Dovecot" and not IS_THAT_OF_THE_README:  # later ones are set up in another way
        raise Skip(ANOTHER)
    port = free_port()
    return Server(folder, [path, *OTHERS[name][1](folder, conf, port)], environment(conf), port)


def connecting_makes_it_say(server, words):
    """Once more where it has not: Dovecot may lose the last words of a process that it throttles."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
            client_context("good").wrap_socket(plain, server_hostname="localhost").close()
        raise AssertionError("somebody is served")
    except (ssl.SSLError, OSError):
        return words in server.output()


@table(*((name,) for name in (*OURS, *OTHERS)))
def says_what_the_readme_says(name):
    with TemporaryFolder() as folder:
        with started(name, folder, example(folder)) as server:
            if name == "Dovecot":  # only the process that would serve ends
                server.wait_ready()
                wait_until(lambda: connecting_makes_it_say(server, ROWS[name]), f"Dovecot to say {ROWS[name]!r}")
            else:
                equal(server.wait_end() != 0, True, "whether it failed")
                if not IS_THAT_OF_THE_README:
                    raise Skip(ANOTHER)
                contains(server.output(), ROWS[name], "its words")


if __name__ == "__main__":
    main()
