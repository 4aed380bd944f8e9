# SPDX-License-Identifier: Apache-2.0
"""Servers that only CI has, made to demand certificates of the fixture: of mail, files, RADIUS and tunnels."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

from clientct import fixture, need_our_openssl
from processes import Server, environment, free_port, program, run
from tap import Skip

# Where scripts/install-dependencies unpacks what cannot be installed beside another package: ProFTPD beside vsftpd.
UNPACKED = Path("/opt/clientct-test")


def need(path, name, linked=None, as_root=True):
    """`linked`: the file of it that is linked with OpenSSL, where that is another one."""
    if not path or not Path(path).exists():
        raise Skip(f"only CI has {name}")
    if as_root and os.geteuid() != 0:
        raise Skip("needs root")
    need_our_openssl(linked or path, name)
    return path


def write_login(folder, text, mode):
    (folder / "home").mkdir()
    (folder / "home" / "page").write_text("a file\n")
    (folder / "home").chmod(0o777)
    (folder / "passwd").write_text(text)
    (folder / "passwd").chmod(mode)
    folder.chmod(0o755)


def dovecot(folder, conf):
    """One process for all logins, which has its own root directory by the time that it makes its contexts."""
    path = need(program("dovecot"), "Dovecot", "/usr/lib/dovecot/modules/libssl_iostream_openssl.so")
    if not run([path, "--version"])[1].startswith("2.3"):
        raise Skip("this Dovecot is no 2.3")
    port, pki = free_port(), fixture()
    write_login(folder, f"user:{{PLAIN}}secret:65534:65534::{folder}/home\n", 0o644)
    (folder / "dovecot.conf").write_text(f"""
protocols = imap
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = {folder.name}
log_path = /dev/stderr
import_environment = OPENSSL_CONF={conf}
listen = 127.0.0.1
ssl = required
ssl_cert = <{pki}/server.pem
ssl_key = <{pki}/server.key
ssl_ca = <{pki}/ca.pem
ssl_require_crl = no
ssl_verify_client_cert = yes
auth_ssl_require_client_cert = yes
verbose_ssl = yes
mail_location = maildir:{folder}/home
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = {folder}/passwd
}}
userdb {{
  driver = passwd-file
  args = {folder}/passwd
}}
service imap-login {{
  service_count = 0
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
""")
    return Server(folder, [path, "-F", "-c", folder / "dovecot.conf"], environment(conf), port)


def postfix(folder, conf):
    """smtpd with TLS from the first byte."""
    path = need(program("postfix"), "Postfix", "/usr/lib/postfix/libpostfix-tls.so")
    port, pki = free_port(), fixture()
    folder.chmod(0o755)
    for name in ("etc", "spool", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    (folder / "etc" / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
alias_maps =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtputf8_enable = no
maillog_file = /dev/stdout
import_environment = MAIL_CONFIG OPENSSL_CONF={conf}
smtpd_tls_cert_file = {pki}/server.pem
smtpd_tls_key_file = {pki}/server.key
smtpd_tls_CAfile = {pki}/ca.pem
smtpd_tls_req_ccert = yes
smtpd_tls_security_level = encrypt
smtpd_tls_loglevel = 1
smtpd_tls_session_cache_database = btree:{folder}/data/sessions
""")
    (folder / "etc" / "master.cf").write_text(f"""
127.0.0.1:{port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
rewrite unix - - n - - trivial-rewrite
cleanup unix n - n - 0 cleanup
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
""")
    server = Server(folder, [path, "-c", folder / "etc", "start-fg"], environment(conf), port)
    stop = server.stop

    def stop_both():  # the program that we have started is a script; the master is a child of its own
        pid = folder / "spool" / "pid" / "master.pid"
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)
        stop()
    server.stop = stop_both
    return server


def proftpd(folder, conf, diagnostics):
    """`diagnostics`: with a message callback of its own."""
    found = program("proftpd")
    modules = Path("/usr/lib/proftpd") if found else UNPACKED / "usr" / "lib" / "proftpd"
    path = need(found or UNPACKED / "usr" / "sbin" / "proftpd", "ProFTPD")
    port, pki = free_port(), fixture()
    hashed = subprocess.run(["openssl", "passwd", "-6", "secret"], check=True, stdout=subprocess.PIPE).stdout.decode()
    write_login(folder, f"user:{hashed.strip()}:65534:65534::{folder}/home:/bin/sh\n", 0o600)
    shutil.copy(pki / "server.key", folder / "server.key")
    (folder / "server.key").chmod(0o600)
    (folder / "proftpd.conf").write_text("\n".join([
        "ServerType standalone", f"ModulePath {modules}", "LoadModule mod_tls.c",
        # Of Debian 13 this is a module of its own, and not part of the program.
        "LoadModule mod_xfer.c" if (modules / "mod_xfer.so").exists() else "", f"Port {port}",
        "DefaultAddress 127.0.0.1", "SocketBindTight on", "User nobody", "Group nogroup", f"PidFile {folder}/pid",
        f"ScoreboardFile {folder}/scoreboard", "<IfModule mod_delay.c>", "DelayEngine off", "</IfModule>",
        "WtmpLog off", "TransferLog none",
        "UseReverseDNS off", f"AuthUserFile {folder}/passwd", "AuthOrder mod_auth_file.c", "RequireValidShell off",
        f"SystemLog {folder}/system.log", "TLSEngine on", f"TLSLog {folder}/tls.log", "TLSProtocol TLSv1.2 TLSv1.3",
        f"TLSRSACertificateFile {pki}/server.pem", f"TLSRSACertificateKeyFile {folder}/server.key",
        f"TLSCACertificateFile {pki}/ca.pem", "TLSVerifyClient on", "TLSRequired on",
        "TLSOptions EnableDiags" if diagnostics else "", ""]))
    return Server(folder, [path, "-n", "-c", folder / "proftpd.conf"], environment(conf), port)


def freeradius(folder, conf):
    """EAP-TLS with its cache on disk. A message callback of its own, and TLS 1.2: the client has no 1.3 here."""
    path = need(program("freeradius"), "FreeRADIUS", as_root=False)
    port, pki = free_port(), fixture()
    for name in ("log", "run", "sessions"):
        (folder / name).mkdir()
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    (folder / "radiusd.conf").write_text(f"""
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {folder}
logdir = {folder}/log
run_dir = {folder}/run
log {{
  destination = stdout
}}
security {{
  allow_vulnerable_openssl = yes
}}
client localhost {{
  ipaddr = 127.0.0.1
  secret = testing123
}}
modules {{
  eap {{
    default_eap_type = tls
    tls-config common {{
      private_key_file = {pki}/server.key
      certificate_file = {pki}/server.pem
      ca_file = {pki}/ca.pem
      tls_min_version = "1.2"
      tls_max_version = "1.2"
      cache {{
        enable = yes
        lifetime = 24
        name = "test"
        persist_dir = "{folder}/sessions"
      }}
    }}
    tls {{
      tls = common
    }}
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  authorize {{
    eap
  }}
  authenticate {{
    eap
  }}
}}
""")
    return Server(folder, [path, "-f", "-d", folder, "-l", "stdout"], environment(conf), port)


def eapol_test(folder, port, client, times):
    """A running client that authenticates so many times, by its session where it can."""
    path = program("eapol_test")
    if not path:
        raise Skip("only CI has eapol_test")
    pki = fixture()
    (folder / "peer.conf").write_text("\n".join([
        "network={", "key_mgmt=IEEE8021X", "eap=TLS", 'identity="user"', f'ca_cert="{pki}/ca.pem"',
        f'client_cert="{pki}/client-{client}.pem"', f'private_key="{pki}/client-{client}.key"',
        'phase1="tls_disable_tlsv1_3=1"', "}", ""]))
    return Server(folder, [path, "-c", folder / "peer.conf", "-a", "127.0.0.1", "-p", port, "-s", "testing123", "-r",
                           times - 1, "-t", "600"], environment("/dev/null"), port, "client")


def openvpn(folder, conf, seconds):
    """A server that renegotiates so often, without a network device."""
    path = need(program("openvpn"), "OpenVPN", as_root=False)
    port, pki = free_port(), fixture()
    return Server(folder, [path, "--dev", "null", "--proto", "udp", "--local", "127.0.0.1", "--lport", port,
                           "--tls-server", "--dh", "none", "--ca", pki / "ca.pem", "--cert", pki / "server.pem",
                           "--key", pki / "server.key", "--reneg-sec", seconds, "--verb", "4"], environment(conf), port)


def openvpn_client(folder, port, client):
    pki = fixture()
    return Server(folder, [program("openvpn"), "--dev", "null", "--proto", "udp", "--remote", "127.0.0.1", port,
                           "--nobind", "--tls-client", "--ca", pki / "ca.pem", "--cert", pki / f"client-{client}.pem",
                           "--key", pki / f"client-{client}.key", "--reneg-sec", "0", "--verb", "4"],
                  environment("/dev/null"), port, "client")
