#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What proxies of the table pass clients on to: answers any request on 127.0.0.1:PORT with a page."""
import http.server
import sys


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"served\n")


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
