# SPDX-License-Identifier: Apache-2.0
"""A server of Python's own: a thread for each connection, one context. usage: threads.py PORT CA CERTIFICATE KEY"""
import socketserver
import ssl
import sys

PORT, CA, CERTIFICATE, KEY = sys.argv[1:]
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
CONTEXT.load_cert_chain(CERTIFICATE, KEY)
CONTEXT.load_verify_locations(CA)
CONTEXT.verify_mode = ssl.CERT_REQUIRED


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            with CONTEXT.wrap_socket(self.request, server_side=True) as tls:
                tls.recv(4096)
                tls.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello\n")
                tls.unwrap()  # a session whose connection was not closed is a bad one
        except OSError as error:
            print("failed:", error, flush=True)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server(("127.0.0.1", int(PORT)), Handler) as server:
    server.serve_forever()
