# SPDX-License-Identifier: Apache-2.0
"""The alerting rules and the dashboard in module/examples/monitoring, asked by a real Prometheus of real metrics."""

import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request

from cli import Case, run
from processes import free_port, program, wait_until

COUNT = os.environ["COUNT"]
EXAMPLES = pathlib.Path(os.environ["MONITORING"])
TEXT = "text/plain; version=0.0.4"
# Panels whose series this scene cannot have: it has no shadow policy and no list.
NOT_HERE = {"What the shadow policy would refuse", "Age of the oldest list"}


def serve(directory):
    """An HTTP server whose every answer is what `clientct metrics` says at that moment."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = run("metrics", directory).stdout
            self.send_response(200)
            self.send_header("Content-Type", TEXT)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@unittest.skipUnless(program("prometheus"), "Debian's prometheus is not installed")
class Monitoring(Case):
    def test_rules_are_well_formed_and_fire_when_they_should(self):
        for command in (["check", "rules", "clientct-alerts.yml"], ["test", "rules", "clientct-alerts-test.yml"]):
            done = subprocess.run(["promtool", *command], cwd=EXAMPLES, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_alert_has_a_case_in_which_it_fires(self):
        names = re.findall(r"- alert: (\w+)", (EXAMPLES / "clientct-alerts.yml").read_text(encoding="utf-8"))
        cases = (EXAMPLES / "clientct-alerts-test.yml").read_text(encoding="utf-8")
        self.assertGreater(len(names), 5)
        for name in names:
            self.assertRegex(cases, rf"alertname: {name}\n\s+exp_alerts:")

    def test_the_picture_shows_every_panel(self):
        source = pathlib.Path(os.environ["CLIENTCT_SOURCE"])
        with tempfile.TemporaryDirectory(prefix="clientct-picture-") as folder:
            drawn = pathlib.Path(folder, "dashboard.svg")
            done = subprocess.run([sys.executable, "-B", source / "scripts/draw-dashboard", drawn], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            shipped = source / "test/cli/dashboard.svg"
            pictures = [drawn.read_text(encoding="utf-8"), shipped.read_text(encoding="utf-8")]
        panels = json.loads((EXAMPLES / "clientct-dashboard.json").read_text(encoding="utf-8"))["panels"]
        for picture in pictures:
            self.assertEqual([panel["title"] for panel in panels if f">{panel['title']}<" not in picture], [])
            self.assertEqual(picture.count("<polyline"), pictures[0].count("<polyline"))

    def ask(self, expression):
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.base}/api/v1/query?{query}", timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    def start_prometheus(self, target):
        scene = tempfile.mkdtemp(prefix="clientct-prometheus-")
        self.addCleanup(shutil.rmtree, scene)
        port = free_port()
        config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                  "rule_files": [str(EXAMPLES / "clientct-alerts.yml")],
                  "scrape_configs": [{"job_name": "clientct", "static_configs": [{"targets": [target]}]}]}
        path = pathlib.Path(scene, "prometheus.yml")
        path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
        with open(pathlib.Path(scene, "log"), "wb") as log:
            process = subprocess.Popen(["prometheus", f"--config.file={path}", f"--storage.tsdb.path={scene}/data",
                                        f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.terminate)
        self.base = f"http://127.0.0.1:{port}"
        wait_until(lambda: len(self.samples()) >= 4, "four readings by Prometheus", 60)

    def samples(self):
        try:
            result = self.ask("clientct_verdicts_total[1h]")
            return result[0]["values"] if result else []
        except OSError:
            return []  # it does not answer yet, or says that it is not ready

    def test_every_panel_shows_something(self):
        metrics = tempfile.mkdtemp(prefix="clientct-metrics-")
        self.addCleanup(shutil.rmtree, metrics)
        with subprocess.Popen([COUNT, metrics, "one", "30", "10"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), b"ready\n")
            server = serve(metrics)
            self.addCleanup(server.server_close)
            self.addCleanup(server.shutdown)
            self.start_prometheus(f"127.0.0.1:{server.server_port}")
            dashboard = json.loads((EXAMPLES / "clientct-dashboard.json").read_text(encoding="utf-8"))
            for panel in dashboard["panels"]:
                for target in panel["targets"]:
                    expression = target["expr"].replace("$instance", ".*").replace("$__rate_interval", "1h")
                    try:
                        result = self.ask(expression)
                    except urllib.error.HTTPError as error:
                        self.fail(f"{panel['title']}: {expression}: {error.read().decode()}")
                    if panel["title"] not in NOT_HERE:
                        self.assertNotEqual(result, [], f"{panel['title']}: {expression}")
            modes = {one["metric"]["mode"]: one["value"][1] for one in self.ask("clientct_processes_in_mode")}
            self.assertEqual(sum(map(int, modes.values())), 1)
            answer = urllib.request.urlopen(f"{self.base}/api/v1/rules", timeout=10)
            rules = json.load(answer)["data"]["groups"][0]["rules"]
            self.assertEqual([rule["name"] for rule in rules if rule["health"] == "err"], [])


if __name__ == "__main__":
    unittest.main()
