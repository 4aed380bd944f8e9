# SPDX-License-Identifier: Apache-2.0
"""scripts/make-sbom: each product of this build with its hash, each library that it loads, and the same twice."""
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

from tap import Skip, case, contains, equal, main

SCRIPT = Path(os.environ["CLIENTCT_SOURCE"]) / "scripts/make-sbom"
BUILD = Path(os.environ["CLIENTCT_BUILD"])


def made(**environment):
    return subprocess.run([sys.executable, SCRIPT, BUILD], capture_output=True, text=True, check=True,
                          env=os.environ | {"SOURCE_DATE_EPOCH": "1800000000"} | environment).stdout


@case
def products_and_what_they_load():
    document = json.loads(made())
    components = {each["name"]: each for each in document["components"]}
    for name, path in (("clientct", "module/tool/clientct"), ("clientct.so", "provider/clientct.so")):
        digest = hashlib.sha256((BUILD / path).read_bytes()).hexdigest()
        equal(components[name]["hashes"], [{"alg": "SHA-256", "content": digest}], f"hash of {name}")
    for name in ("openssl", "jansson", "zlib", "zstd"):
        equal(name in components, True, f"whether {name} is there")
    equal(document["metadata"]["timestamp"], "2027-01-15T08:00:00Z", "time")
    edges = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    equal(sorted(edges), sorted({*edges} | {ref for refs in edges.values() for ref in refs}), "references that exist")
    component = next(refs for ref, refs in edges.items() if ref.endswith("#clientct.so"))
    equal(sorted(ref.rpartition("/")[2].partition("@")[0] for ref in component), ["jansson", "openssl"],
          "what the component loads")


@case
def the_same_build_gives_the_same_bytes():
    equal(made() == made(TZ="Pacific/Auckland", LC_ALL="C"), True, "whether two are the same")


@case
def a_library_that_is_not_known_is_no_bill():
    text = SCRIPT.read_text(encoding="utf-8").replace('    "libjansson": ("jansson", "jansson", "MIT"),\n', "")
    text = text.replace("__file__", repr(str(SCRIPT)))
    said = subprocess.run([sys.executable, "-c", text, BUILD], capture_output=True, text=True, check=False)
    equal(said.returncode, 1, "exit status")
    contains(said.stderr, "loads libjansson.so", "what it says")


@case
def the_formats_own_validator_finds_nothing():
    if importlib.util.find_spec("cyclonedx") is None or importlib.util.find_spec("jsonschema") is None:
        raise Skip("cyclonedx-python-lib[json-validation] is not installed")
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    equal(JsonStrictValidator(SchemaVersion.V1_5).validate_str(made()), None, "what it finds")


main()
