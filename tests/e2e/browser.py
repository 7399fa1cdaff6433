"""A real browser for tests of the page: Chromium through playwright-core, told what to do by browser.cjs.

The node modules lie in $WW_NODE_MODULES; `scripts/check --only page` puts them
into the build folder. Nothing is fetched here, so without them a test is
skipped, unless $WW_PAGE says that it is required.
"""
import json
import os
import shutil
import subprocess
import tempfile

from harness import Cleanup, Skip, check

HERE = os.path.dirname(os.path.abspath(__file__))


def missing():
    """What keeps a browser from running here, or None."""
    modules = os.environ.get("WW_NODE_MODULES", "")
    if not shutil.which("chromium"):
        return "chromium is not installed"
    if not shutil.which("node"):
        return "node is not installed"
    for name in ("playwright-core", "axe-core"):
        if not os.path.isdir(os.path.join(modules, name)):
            return "no %s in $WW_NODE_MODULES; scripts/check --only page fetches it" % name
    return None


class Browser:
    """browser.open(url=...), browser.click(selector=...): each is a command of browser.cjs."""

    def __init__(self):
        reason = missing()
        if reason:
            check(os.environ.get("WW_PAGE") != "required", reason)
            raise Skip(reason)
        self.folder = tempfile.mkdtemp(prefix="ww-browser-")
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "browser.cjs"), os.environ["WW_NODE_MODULES"], shutil.which("chromium"),
             os.path.join(self.folder, "profile")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        Cleanup.add(self.end)

    def __getattr__(self, name):
        def command(**arguments):
            self.process.stdin.write(json.dumps(dict(arguments, do=name)) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline() or '{"error": "the browser has ended"}')
            check("error" not in answer, name, arguments, answer.get("error", ""))
            return answer["result"]
        return command

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
