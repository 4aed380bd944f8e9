# SPDX-License-Identifier: Apache-2.0
"""A CT log for the tests, tiled or RFC 6962, in plain Python: honest, or a liar in one named way at a time.

Nothing of it is shared with the code under test: hashes by RFC 6962's recursive definitions, P-256 in integers.
"""
import base64
import functools
import gzip
import hashlib
import http.server
import json
import secrets
import struct
import threading
import time
import urllib.parse

# --- ECDSA on P-256, for nothing but tests ---
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)
SPKI_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


def double(p):
    if p is None:
        return None
    slope = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, P) % P
    x = (slope * slope - 2 * p[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        return double(p) if p == q else None
    slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P) % P
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def times(k, p=G):
    out = None
    while k:
        out, p, k = add(out, p) if k & 1 else out, double(p), k >> 1
    return out


def der(tag, *content):
    data = b"".join(content)
    size = len(data)
    if size < 128:
        return bytes([tag, size]) + data
    octets = (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | octets]) + size.to_bytes(octets, "big") + data


def der_integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


class Key:
    def __init__(self, secret=None):
        self.secret = secret or secrets.randbelow(N - 1) + 1
        x, y = times(self.secret)
        self.spki = SPKI_HEAD + b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
        self.id = hashlib.sha256(self.spki).digest()

    def sign(self, data):
        """digitally-signed of RFC 5246, section 4.7."""
        z = int.from_bytes(hashlib.sha256(data).digest(), "big")
        k = secrets.randbelow(N - 1) + 1
        r = times(k)[0] % N
        value = der(0x30, der_integer(r), der_integer(pow(k, -1, N) * (z + r * self.secret) % N))
        return b"\x04\x03" + struct.pack(">H", len(value)) + value


def u24(data):
    return len(data).to_bytes(3, "big") + data


def u16(data):
    return struct.pack(">H", len(data)) + data


def leaf_index(index):
    return b"\0\0\x05" + index.to_bytes(5, "big")


def read_der(data, at=0):
    """(tag, contents, end) of the element at `at`."""
    tag, size, start = data[at], data[at + 1], at + 2
    if size & 0x80:
        start += size & 0x7f
        size = int.from_bytes(data[at + 2:start], "big")
    return tag, data[start:start + size], start + size


def elements(content):
    """The elements in the contents of a SEQUENCE, whole."""
    out, at = [], 0
    while at < len(content):
        end = read_der(content, at)[2]
        out.append(content[at:end])
        at = end
    return out


def without_poison(certificate):
    """The TBSCertificate of a precertificate as logs sign it."""
    tbs = elements(read_der(certificate)[1])[0]
    fields = elements(read_der(tbs)[1])
    kept = [one for one in elements(read_der(read_der(fields[-1])[1])[1])
            if bytes.fromhex("060a2b06010401d679020403") not in one]
    return der(0x30, *fields[:-1], der(0xa3, der(0x30, *kept)))


def spki_of(certificate):
    fields = elements(read_der(elements(read_der(certificate)[1])[0])[1])
    return fields[6] if fields[0][0] == 0xa0 else fields[5]


def now_ms():
    return int(time.time() * 1000)


# --- the tree ---
def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Every perfect subtree is computed once: levels[i][j] is the root of leaves [j * 2^i, (j + 1) * 2^i)."""

    def __init__(self):
        self.levels = [[]]

    def append(self, leaf):
        self.levels[0].append(leaf)
        level = 0
        while len(self.levels[level]) % 2 == 0:
            if level + 1 == len(self.levels):
                self.levels.append([])
            self.levels[level + 1].append(node(*self.levels[level][-2:]))
            level += 1

    def root(self, start, end):
        """MTH(D[start:end]), where `start` begins a subtree of that size."""
        if start == end:
            return hashlib.sha256().digest()
        level = (end - start).bit_length() - 1
        left = self.levels[level][start >> level]
        middle = start + (1 << level)
        return left if middle == end else node(left, self.root(middle, end))

    def path(self, m, start, end):
        if end - start == 1:
            return []
        k = 1 << (end - start - 1).bit_length() - 1
        if m < start + k:
            return self.path(m, start, start + k) + [self.root(start + k, end)]
        return self.path(m, start + k, end) + [self.root(start, start + k)]

    def proof(self, m, start, end, whole):
        """SUBPROOF(m, D[start:end], whole), `m` counted from the start of the tree."""
        if m == end:
            return [] if whole else [self.root(start, end)]
        k = 1 << (end - start - 1).bit_length() - 1
        if m <= start + k:
            return self.proof(m, start, start + k, whole) + [self.root(start + k, end)]
        return self.proof(m, start + k, end, False) + [self.root(start, start + k)]


class Entry:
    """What the log publishes of one certificate or precertificate."""

    def __init__(self, body, issuer_key_hash=None, precertificate=b"", chain=(), timestamp=None):
        self.body, self.issuer_key_hash, self.precertificate, self.chain = body, issuer_key_hash, precertificate, chain
        self.timestamp = timestamp or now_ms()
        self.extensions = b""

    def timestamped(self):
        kind = struct.pack(">H", 1) + self.issuer_key_hash if self.issuer_key_hash else struct.pack(">H", 0)
        return struct.pack(">Q", self.timestamp) + kind + u24(self.body) + u16(self.extensions)

    def tile_leaf(self):
        return (self.timestamped() + (u24(self.precertificate) if self.issuer_key_hash else b"") +
                u16(b"".join(hashlib.sha256(one).digest() for one in self.chain)))

    def extra_data(self):
        chain = u24(b"".join(u24(one) for one in self.chain))
        return u24(self.precertificate) + chain if self.issuer_key_hash else chain

    def leaf_hash(self):
        return hashlib.sha256(b"\0\0\0" + self.timestamped()).digest()


class Log:
    """Entries, a tree over them, and what is answered about it. `lie` names what is not as it should be."""

    def __init__(self, tiled=True, key=None, origin="log.example/test"):
        self.tiled, self.key, self.origin = tiled, key or Key(), origin
        self.entries, self.tree, self.issuers = [], Tree(), {}
        self.lie, self.published, self.signed, self.lying_at = None, 0, {}, None
        self.gzip, self.answers, self.requests, self.page = True, {}, 0, 64
        self.adding = threading.Lock()
        self.timestamp = None  # of checkpoints; None: now

    def add(self, entry):
        """The entry's index; it is seen with the next `publish`."""
        index = len(self.entries)
        if self.tiled:
            entry.extensions = leaf_index(index)
        for one in entry.chain:
            self.issuers[hashlib.sha256(one).hexdigest()] = one
        self.entries.append(entry)
        self.tree.append(entry.leaf_hash())
        return index

    def publish(self):
        self.published = len(self.entries)

    def sct(self, entry):
        data = (b"\0\0" + entry.timestamped())
        return (b"\0" + self.key.id + struct.pack(">Q", entry.timestamp) + u16(entry.extensions) + self.key.sign(data))

    def fork(self, at):
        """From entry `at` on, this log has the same entries at another time."""
        other = Log(self.tiled, self.key, self.origin)
        for index, one in enumerate(self.entries):
            other.add(one if index < at else Entry(one.body, one.issuer_key_hash, one.precertificate, one.chain,
                                                   one.timestamp + 1))
        other.publish()
        return other

    def head(self, size=None):
        size = self.published if size is None else size
        root = self.tree.root(0, size)
        stamp = self.timestamp or now_ms()
        if self.lie == "two-roots":
            root = hashlib.sha256(root).digest()
        signature = self.key.sign(b"\0\x01" + struct.pack(">QQ", stamp, size) + root)
        if self.lie == "bad-signature":
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return size, root, stamp, signature

    def checkpoint(self, size=None):
        size, root, stamp, signature = self.head(size)
        origin = "other.example" if self.lie == "wrong-origin" else self.origin
        key_id = hashlib.sha256(origin.encode() + b"\n\x05" + self.key.id).digest()[:4]
        if self.lie == "wrong-key-id":
            key_id = bytes([key_id[0] ^ 1]) + key_id[1:]
        line = base64.b64encode(key_id + struct.pack(">Q", stamp) + signature).decode()
        return (f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n\n"
                f"— {origin} {line}\n— witness.example {base64.b64encode(b'abcd' + bytes(72)).decode()}\n").encode()

    def sth(self):
        size, root, stamp, signature = self.head()
        return json.dumps({"tree_size": size, "timestamp": stamp, "sha256_root_hash": base64.b64encode(root).decode(),
                           "tree_head_signature": base64.b64encode(signature).decode()}).encode()

    def tile(self, level, index, width):
        hashes = self.tree.levels[8 * level] if 8 * level < len(self.tree.levels) else []
        data = b"".join(hashes[256 * index:256 * index + width])
        if len(data) != 32 * width:
            return None
        if level == 0 and self.lie == "truncated-tile":
            return data[:-1]
        if level == 0 and self.lie == "other-width":
            return data + bytes(32)
        if level == 0 and self.lie == "wrong-tile":
            return bytes(32) + data[32:]
        return data

    def bundle(self, index, width):
        entries = self.entries[256 * index:256 * index + width]
        if len(entries) != width or 256 * index + width > max(self.published, 1):
            return None
        leaves = [entry.tile_leaf() for entry in entries]
        if self.lie == "changed-byte" and index == self.liar_index() // 256:
            at = self.liar_index() % 256
            leaves[at] = leaves[at][:20] + bytes([leaves[at][20] ^ 1]) + leaves[at][21:]
        if self.lie == "dropped-entry" and index == self.liar_index() // 256:
            del leaves[self.liar_index() % 256]
        if self.lie == "truncated-bundle":
            return b"".join(leaves)[:-1]
        if self.lie == "surplus-entry":
            leaves.append(leaves[-1])
        if self.lie == "gzip-bomb":
            return None
        return b"".join(leaves)

    def submitted(self, path, body):
        """(status, body) for add-chain and add-pre-chain."""
        chain = [base64.b64decode(one) for one in json.loads(body)["chain"]]
        if path.endswith("add-pre-chain"):
            entry = Entry(without_poison(chain[0]), hashlib.sha256(spki_of(chain[1])).digest(), chain[0], chain[1:])
        else:
            entry = Entry(chain[0], chain=chain[1:])
        with self.adding:
            self.add(entry)
            self.publish()
        data = self.sct(entry)
        size, = struct.unpack_from(">H", data, 41)
        return 200, json.dumps({"sct_version": 0, "id": base64.b64encode(data[1:33]).decode(),
                                "timestamp": entry.timestamp,
                                "extensions": base64.b64encode(data[43:43 + size]).decode(),
                                "signature": base64.b64encode(data[43 + size:]).decode()}).encode()

    def liar_index(self):
        """The entry that the lie is about."""
        return self.lying_at if self.lying_at is not None else self.published // 2

    def answer(self, path, query):
        """(status, body) for a GET."""
        if path == "/checkpoint":
            return 200, self.answers.get("checkpoint") or self.checkpoint()
        parts = path.strip("/").split("/")
        if parts[0] == "issuer" and len(parts) == 2:
            one = self.issuers.get(parts[1])
            return (200, one) if one else (404, b"no such issuer")
        if parts[0] == "tile":
            width, rest = 256, parts[2:]
            if len(rest) > 1 and rest[-2].endswith(".p"):
                width, rest = int(rest[-1]), rest[:-2] + [rest[-2][:-2]]
            index = int("".join(part.lstrip("x") for part in rest))
            body = self.bundle(index, width) if parts[1] == "data" else self.tile(int(parts[1]), index, width)
            return (200, body) if body is not None else (404, b"no such tile")
        return self.answer_rfc6962(path, query)

    def answer_rfc6962(self, path, query):
        number = {name: int(values[0]) for name, values in query.items() if values[0].isdigit()}
        if path == "/ct/v1/get-sth":
            return 200, self.sth()
        if path == "/ct/v1/get-entries":
            end = min(number["end"] + 1, number["start"] + self.page, self.published)
            out = []
            for index in range(number["start"], end):
                leaf = b"\0\0" + self.entries[index].timestamped()
                if self.lie == "changed-byte" and index == self.liar_index():
                    leaf = leaf[:22] + bytes([leaf[22] ^ 1]) + leaf[23:]
                out.append({"leaf_input": base64.b64encode(leaf).decode(),
                            "extra_data": base64.b64encode(self.entries[index].extra_data()).decode()})
            return 200, json.dumps({"entries": out}).encode()
        if path == "/ct/v1/get-sth-consistency":
            proof = self.tree.proof(number["first"], 0, number["second"], True)
            return 200, json.dumps({"consistency": [base64.b64encode(one).decode() for one in proof]}).encode()
        if path == "/ct/v1/get-proof-by-hash":
            wanted = base64.b64decode(query["hash"][0])
            leaves = self.tree.levels[0][:number["tree_size"]]
            if wanted not in leaves:
                return 404, b"not found"
            index = leaves.index(wanted)
            path_of = self.tree.path(index, 0, number["tree_size"])
            return 200, json.dumps({"leaf_index": index,
                                    "audit_path": [base64.b64encode(one).decode() for one in path_of]}).encode()
        return 404, b"no such thing"


@functools.lru_cache(maxsize=None)
def bomb():
    """64 MiB of zeros, packed."""
    return gzip.compress(bytes(64 << 20), 1)


class Serving:
    """Serves a log on loopback; `log` may be exchanged meanwhile. Use in a with statement."""

    def __init__(self, log):
        self.log, self.script, self.requests, self.stopping = log, [], [], threading.Event()
        serving = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                parsed = urllib.parse.urlsplit(self.path)
                serving.requests.append(self.path)
                step = serving.script.pop(0) if serving.script else None
                if step and not parsed.path.startswith(step.get("path", "")):
                    serving.script.insert(0, step)
                    step = None
                status, body = serving.log.answer(parsed.path, urllib.parse.parse_qs(parsed.query))
                headers = {}
                if step:
                    status, body, headers = step.get("status", status), step.get("body", body), step.get("headers", {})
                if serving.log.lie == "gzip-bomb" and parsed.path.startswith("/tile/data/"):
                    status, body, headers = 200, bomb(), {"Content-Encoding": "gzip"}
                elif serving.log.gzip and parsed.path.startswith("/tile/data/") and status == 200:
                    body, headers = gzip.compress(body, 1), {**headers, "Content-Encoding": "gzip"}
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    if step and step.get("cut"):
                        self.wfile.write(body[:len(body) // 2])
                        self.close_connection = True
                    elif step and step.get("pause"):
                        serving.stopping.wait(step["pause"])
                        self.wfile.write(body)
                    else:
                        self.wfile.write(body)
                except OSError:
                    pass  # the client hung up, as it should

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                serving.requests.append(self.path)
                step = serving.script.pop(0) if serving.script else None
                status, answer = (step["status"], b"no") if step else serving.log.submitted(self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                try:
                    self.wfile.write(answer)
                except OSError:
                    pass  # the client was killed

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def list_of(*named):
    """A v3 log list of (description, log, url, mmd) as text."""
    def one(name, log, url, mmd):
        entry = {"description": name, "log_id": base64.b64encode(log.key.id).decode(),
                 "key": base64.b64encode(log.key.spki).decode(), "mmd": mmd,
                 "state": {"usable": {"timestamp": "2026-01-01T00:00:00Z"}}}
        if log.tiled:
            return {**entry, "submission_url": f"https://{log.origin}/", "monitoring_url": url}
        return {**entry, "url": url}
    return json.dumps({"operators": [{
        "name": "Tests", "logs": [one(*row) for row in named if not row[1].tiled],
        "tiled_logs": [one(*row) for row in named if row[1].tiled]}]})


def key_of(path):
    """The key in a PKCS#8 file of ctpki."""
    text = "".join(line for line in open(path, encoding="ascii").read().split("\n") if not line.startswith("-"))
    data = base64.b64decode(text)
    at = data.index(b"\x02\x01\x01\x04\x20") + 5
    return Key(int.from_bytes(data[at:at + 32], "big"))
