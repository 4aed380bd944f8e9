# SPDX-License-Identifier: Apache-2.0
"""How a client asks for TLS in protocols that begin without: each takes a connected socket to where TLS begins."""
import struct


def until(plain, part):
    """What the server says, up to `part`."""
    data = b""
    while part not in data:
        more = plain.recv(1)
        if not more:
            raise ConnectionError(f"the server ended with {data[-200:]!r} where {part!r} was expected")
        data += more
    return data


def talk(plain, *exchange):
    """`exchange`: what the server must say and what is said next, by turns."""
    for index, text in enumerate(exchange):
        if index % 2 == 0:
            until(plain, text.encode())
        else:
            plain.sendall(text.encode())


def smtp(plain):
    until(plain, b"\n")
    plain.sendall(b"EHLO client.example\r\n")
    until(plain, b"250 ")
    until(plain, b"\n")
    plain.sendall(b"STARTTLS\r\n")
    talk(plain, "220", "", "\n")


def ftp(plain):
    talk(plain, "220 ", "", "\n", "AUTH TLS\r\n", "234", "", "\n")


def postgres(plain):
    plain.sendall(struct.pack("!II", 8, 80877103))
    if plain.recv(1) != b"S":
        raise ConnectionError("the server wants no TLS")
