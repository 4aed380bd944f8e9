# SPDX-License-Identifier: Apache-2.0
"""Clients that come back to servers whose sessions are of a special kind: mail, files, RADIUS, tunnels."""
import ftplib
import re
import socket
import ssl

from clientct import VERSIONS, client_context, write_config, write_openssl_conf
from more_daemons import dovecot, eapol_test, freeradius, openvpn, openvpn_client, postfix, proftpd
from processes import TemporaryFolder, wait_until
from tap import case, contains, equal, lacks, main, table

TIGHTER = {"sources": "tls"}


def talk(port, context, session, lines):
    """What the server answers to the last of the lines, whether the session was resumed, and the session."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
                stream = tls.makefile("rwb", 0)
                answer = stream.readline()
                for line, last in lines:
                    stream.write(line)
                    answer = stream.readline()
                    while answer and not re.match(last, answer):
                        answer = stream.readline()
                return answer.decode(), tls.session_reused, tls.session
    except OSError as error:
        return f"{type(error).__name__}: {error}", False, None


def log_in(server, context, session=None):
    return talk(server.port, context, session, [(b"a LOGIN user secret\r\n", rb"a ")])


@table(*((version,) for version in VERSIONS))
def dovecot_enforces(version):
    with TemporaryFolder() as folder:
        with dovecot(folder, write_openssl_conf(folder, write_config(folder))).wait_ready() as server:
            contains(log_in(server, client_context("good", version))[0], "a OK", "what a logged client hears")
            contains(log_in(server, client_context("unlogged", version))[0], "valid SSL certificate", "an unlogged one")


@table(*((version,) for version in VERSIONS))
def dovecot_lets_clients_return_with_refuse(version):
    """With `checked` it does not: it counts a certificate only where its callback has seen it, and without us it ends
    the connection. The manual says so."""
    for resumption, expected in ("refuse", "a OK"), ("checked", "valid SSL certificate"):
        with TemporaryFolder() as folder:
            config = write_config(folder, resumption=resumption)
            with dovecot(folder, write_openssl_conf(folder, config)).wait_ready() as server:
                context = client_context("good", version)
                first, _, session = log_in(server, context)
                contains(first, "a OK", "the first answer")
                second, reused, _ = log_in(server, context, session)
                contains(second, expected, f"the second answer with {resumption}")
                equal(reused, resumption == "checked", "whether the session was resumed")


def send_mail(server, context, session=None):
    return talk(server.port, context, session, [(b"EHLO x\r\n", rb"250 "), (b"MAIL FROM:<a@example.com>\r\n", rb"\d")])


@table(*((version,) for version in VERSIONS))
def postfix_resumes_in_the_process_that_made_the_session(version):
    with TemporaryFolder() as folder:
        with postfix(folder, write_openssl_conf(folder, write_config(folder))).wait_ready() as server:
            context = client_context("good", version)
            first, _, session = send_mail(server, context)
            contains(first, "250 2.1.0", f"the first answer:\n{server.output()}")

            def resumed():
                again, reused, _ = send_mail(server, context, session)
                contains(again, "250 2.1.0", "a later answer")
                return reused
            wait_until(resumed, "the process that made the session")
            lacks(send_mail(server, client_context("unlogged", version))[0], "250 2.1.0", "an unlogged client")
            write_config(folder, **TIGHTER)
            # Each of its processes sees the change when it next looks.
            wait_until(lambda: not any("250 2.1.0" in send_mail(server, context, session)[0] for _ in range(6)),
                       "the tightened policy")


class ReusingFTP(ftplib.FTP_TLS):
    """Resumes the session of the control connection for each data connection, and counts those that were."""
    resumed = 0

    def ntransfercmd(self, cmd, rest=None):
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        tls = self.context.wrap_socket(connection, server_hostname=self.host, session=self.sock.session)
        self.resumed += tls.session_reused
        return tls, size


def fetch(server, client, version):
    """The lines of two transfers, or the complaint; and how many data connections were resumed."""
    context = client_context(client, version)
    context.check_hostname = False
    ftp = ReusingFTP(context=context, timeout=20)
    lines = []
    try:
        ftp.connect("127.0.0.1", server.port)
        ftp.login("user", "secret")
        ftp.prot_p()
        ftp.retrlines("RETR page", lines.append)
        ftp.retrlines("RETR page", lines.append)
    except (ftplib.Error, ssl.SSLError, OSError, EOFError) as error:
        return str(error), ftp.resumed
    finally:
        ftp.close()
    return lines, ftp.resumed


@table(*((version, diagnostics) for version in VERSIONS for diagnostics in ("", "EnableDiags")))
def proftpd_resumes_for_its_data_connections(version, diagnostics):
    """With EnableDiags it has a message callback of its own."""
    with TemporaryFolder() as folder:
        with proftpd(folder, write_openssl_conf(folder, write_config(folder)), diagnostics).wait_ready() as server:
            equal(fetch(server, "good", version), (["a file", "a file"], 2), "what was read, and resumed")
            # It hears the alert, or that the connection is gone.
            equal(isinstance(fetch(server, "unlogged", version)[0], str), True, "whether an unlogged client is refused")
            write_config(folder, **TIGHTER)
            wait_until(lambda: isinstance(fetch(server, "good", version)[0], str), "the tightened policy")


@table(*((version,) for version in VERSIONS))
def proftpd_does_not_work_with_refuse(version):
    """As clientct.cnf(5) says."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder, resumption="refuse"))
        with proftpd(folder, conf, False).wait_ready() as server:
            contains(str(fetch(server, "good", version)[0]), "425", "the server's complaint")


@case
def freeradius_resumes_from_its_cache():
    with TemporaryFolder() as folder:
        with freeradius(folder, write_openssl_conf(folder, write_config(folder))) as server:
            server.wait_output("Ready to process requests")
            with eapol_test(folder, server.port, "unlogged", 1) as client:
                client.wait_end()
                contains(client.output(), "EAP-FAILURE", "what an unlogged client hears")
            with eapol_test(folder, server.port, "good", 100000) as client:
                client.wait_output("resumed=1")
                lacks(client.output(), "EAP-FAILURE", "what a logged one hears")
                write_config(folder, **TIGHTER)
                client.wait_output("EAP-FAILURE")
                last = client.output().rsplit("EAP-SUCCESS", 1)[1]
                lacks(last, "resumed=1", "what came after the last success")


@case
def openvpn_renegotiates_and_judges_each_time():
    with TemporaryFolder() as folder:
        with openvpn(folder, write_openssl_conf(folder, write_config(folder)), 3) as server:
            with openvpn_client(folder, server.port, "unlogged"):
                server.wait_output("clientct: refused client certificate: no-scts")
        with openvpn(folder, write_openssl_conf(folder, write_config(folder)), 3) as server:
            with openvpn_client(folder, server.port, "good") as client:
                wait_until(lambda: server.output().count("Control Channel: TLSv1") >= 3,
                           lambda: f"two renegotiations:\n{server.output()}\n{client.output()}")
                lacks(server.output(), "clientct:", "the server's output")
                write_config(folder, **TIGHTER)
                server.wait_output("clientct: refused client certificate: no-scts")


if __name__ == "__main__":
    main()
