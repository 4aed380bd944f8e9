#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A file as an array in C: embed.py INPUT OUTPUT NAME"""
import pathlib
import sys

data, name = pathlib.Path(sys.argv[1]).read_bytes(), sys.argv[3]
rows = ["    " + " ".join(f"0x{byte:02x}," for byte in data[at:at + 16]) for at in range(0, len(data), 16)]
pathlib.Path(sys.argv[2]).write_text("\n".join([
    "#include <stddef.h>", f"extern const unsigned char {name}[];", f"extern const size_t {name}_len;",
    f"const unsigned char {name}[] = {{", *rows, "};", f"const size_t {name}_len = sizeof {name};", ""]))
