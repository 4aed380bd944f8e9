# SPDX-License-Identifier: Apache-2.0
"""Servers whose clients must be able to resume, and servers that fail every client which tries to."""
import ftplib
import os
import pwd
import shutil
import ssl

from clientct import VERSIONS, ask, client_context, fixture, need_our_openssl, write_config, write_openssl_conf
from processes import Server, TemporaryFolder, environment, free_port, program
from tap import Skip, contains, equal, main, table


def start(name, folder, arguments, openssl_conf, port):
    path = program(name)
    if not path:
        raise Skip(f"{name} is not installed")
    need_our_openssl(path, name)
    return Server(folder, [path, *arguments], environment(openssl_conf), port)


def chain(folder):
    """The server's certificate and the CA's: also what these servers trust clients by."""
    path = folder / "chain.pem"
    path.write_text((fixture() / "server.pem").read_text() + (fixture() / "ca.pem").read_text())
    return path


def memcached(folder, openssl_conf):
    port = free_port()
    user = pwd.getpwuid(os.geteuid()).pw_name
    return start("memcached", folder, [
        "-l", "127.0.0.1", "-p", port, "-u", user, "-Z", "-o",
        f"ssl_chain_cert={fixture()}/server.pem,ssl_key={fixture()}/server.key,ssl_ca_cert={fixture()}/ca.pem,"
        "ssl_verify_mode=2"], openssl_conf, port)


def unbound(folder, openssl_conf):
    """Its remote control."""
    port = free_port()
    (folder / "unbound.conf").write_text(f"""
server:
  interface: 127.0.0.1
  port: {free_port()}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
remote-control:
  control-enable: yes
  control-interface: 127.0.0.1
  control-port: {port}
  server-key-file: "{fixture()}/server.key"
  server-cert-file: "{chain(folder)}"
  control-key-file: "{fixture()}/client-good.key"
  control-cert-file: "{fixture()}/client-good.pem"
""")
    return start("unbound", folder, ["-d", "-c", folder / "unbound.conf"], openssl_conf, port)


def nsd(folder, openssl_conf):
    port = free_port()
    (folder / "nsd.conf").write_text(f"""
server:
  ip-address: 127.0.0.1@{free_port()}
  username: ""
  zonesdir: "{folder}"
  database: ""
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
remote-control:
  control-enable: yes
  control-interface: 127.0.0.1
  control-port: {port}
  server-key-file: "{fixture()}/server.key"
  server-cert-file: "{chain(folder)}"
  control-key-file: "{fixture()}/client-good.key"
  control-cert-file: "{fixture()}/client-good.pem"
""")
    return start("nsd", folder, ["-d", "-c", folder / "nsd.conf"], openssl_conf, port)


# The server, what to ask of it, and what the answer has.
WITHOUT_CONTEXT = {
    "memcached": (memcached, "version\r\nquit\r\n", "VERSION"),
    "unbound": (unbound, "UBCT1 status\n", "version"),
    "nsd": (nsd, "NSDCT1 status\n", "version"),
}


def asked_twice(name, version, with_us):
    make, request, expected = WITHOUT_CONTEXT[name]
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder)) if with_us else "/dev/null"
        with make(folder, conf).wait_ready() as server:
            context = client_context("good", version)
            first = ask(server.port, context, request=request)
            if name == "nsd" and version == "TLSv1.2" and "PROTOCOL_VERSION" in (first.alert or ""):
                raise Skip("this NSD speaks TLS 1.3 alone")
            contains(first.body or f"alert {first.alert}", expected, "the first answer")
            return expected, ask(server.port, context, session=first.session, request=request)


@table(*((name, version) for name in WITHOUT_CONTEXT for version in VERSIONS))
def clients_that_come_back_are_served(name, version):
    """libssl ends the connection where the server has set no session-ID context; we set one."""
    expected, second = asked_twice(name, version, with_us=True)
    contains(second.body or f"alert {second.alert}", expected, "the second answer")
    equal(second.reused, True, "whether it is a resumed session")


@table(*((name, version) for name in WITHOUT_CONTEXT for version in VERSIONS))
def without_us_they_are_not(name, version):
    """Or the cases above would show nothing."""
    _, second = asked_twice(name, version, with_us=False)
    if name == "nsd" and second.reused:
        raise Skip("this NSD sets a session-ID context by itself")
    equal(bool(second.body), False, "whether the client got an answer")


class ReusingFTP(ftplib.FTP_TLS):
    """Resumes the session of the control connection for each data connection."""

    def ntransfercmd(self, cmd, rest=None):
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        return self.context.wrap_socket(connection, server_hostname=self.host, session=self.sock.session), size


def vsftpd(folder, openssl_conf):
    if os.geteuid() != 0:
        raise Skip("vsftpd starts as root only")
    port = free_port()
    (folder / "root").mkdir()
    (folder / "root" / "page").write_text("a file\n")
    (folder / "empty").mkdir()
    folder.chmod(0o755)
    certificate = folder / "server.pem"
    shutil.copy(fixture() / "server.pem", certificate)
    (folder / "vsftpd.conf").write_text("\n".join([
        "listen=YES", "listen_address=127.0.0.1", f"listen_port={port}", "background=NO", "anonymous_enable=YES",
        f"anon_root={folder}/root", f"secure_chroot_dir={folder}/empty", "ftp_username=daemon", "nopriv_user=nobody",
        "seccomp_sandbox=NO", "ssl_ciphers=HIGH", "ssl_enable=YES", "allow_anon_ssl=YES", "force_anon_data_ssl=YES",
        "force_anon_logins_ssl=YES", f"rsa_cert_file={certificate}", f"rsa_private_key_file={fixture()}/server.key",
        f"ca_certs_file={fixture()}/ca.pem", "require_cert=YES", "validate_cert=YES", "require_ssl_reuse=YES", ""]))
    return start("vsftpd", folder, [folder / "vsftpd.conf"], openssl_conf, port)


def files_by_ftps(version, **settings):
    """What the client reads in a data connection, or the server's complaint."""
    with TemporaryFolder() as folder:
        conf = write_openssl_conf(folder, write_config(folder, **settings))
        with vsftpd(folder, conf).wait_ready() as server:
            context = client_context("good", version)
            context.check_hostname = False
            ftp = ReusingFTP(context=context, timeout=20)
            ftp.connect("127.0.0.1", server.port)
            ftp.login()
            ftp.prot_p()
            lines = []
            try:
                ftp.retrlines("RETR page", lines.append)
                ftp.retrlines("RETR page", lines.append)
            except (ftplib.Error, ssl.SSLError, OSError, EOFError) as error:
                return str(error)
            finally:
                ftp.close()
            return lines


@table(*((version,) for version in VERSIONS))
def ftps_data_connections_resume(version):
    equal(files_by_ftps(version), ["a file", "a file"], "what was transferred")


@table(*((version,) for version in VERSIONS))
def ftps_does_not_work_with_refuse(version):
    """As clientct.cnf(5) says."""
    contains(str(files_by_ftps(version, resumption="refuse")), "522", "the server's complaint")


if __name__ == "__main__":
    main()
