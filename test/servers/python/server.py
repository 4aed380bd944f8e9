# SPDX-License-Identifier: Apache-2.0
"""A server of Python's own: a child for each connection. usage: server.py PORT CA CERTIFICATE KEY demand|later

`later`: the certificate is asked for after the handshake (TLS 1.3), when the client has sent its request.
"""
import select
import socketserver
import ssl
import sys

PORT, CA, CERTIFICATE, KEY, WHEN = sys.argv[1:]


def ask_for_certificate(tls):
    """Until it is there: the client sends it when it next reads, and a blocking read of ours would wait for data."""
    tls.verify_client_post_handshake()
    tls.do_handshake()
    tls.setblocking(False)
    while not tls.getpeercert():
        select.select([tls], [], [], 20)
        try:
            if not tls.recv(4096):
                break
        except ssl.SSLWantReadError:
            pass
    tls.setblocking(True)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            # The context is one of the child's own, made when the parent has long been running.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE, KEY)
            context.load_verify_locations(CA)
            context.verify_mode = ssl.CERT_REQUIRED
            context.post_handshake_auth = WHEN == "later"
            with context.wrap_socket(self.request, server_side=True, do_handshake_on_connect=False) as tls:
                tls.do_handshake()
                tls.recv(4096)
                if WHEN == "later":
                    ask_for_certificate(tls)
                tls.sendall(f"HTTP/1.0 200 OK\r\n\r\nverified={bool(tls.getpeercert())}\n".encode())
        except (OSError, ValueError) as error:
            print("failed:", error, flush=True)


class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = True


with Server(("127.0.0.1", int(PORT)), Handler) as server:
    server.serve_forever()
