"""The schedule keeps its marks: plan_bench with one seed, as a test."""
import os
import subprocess

BUILDDIR = os.environ.get("WW_BUILDDIR", "build")

print("TAP version 13\n1..1")
bench = subprocess.run([os.path.join(BUILDDIR, "tests", "bench", "plan_bench"), "1"], stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=300)
for line in (bench.stdout + bench.stderr).decode().rstrip().split("\n"):
    print("# " + line)
print("%sok 1 - the learned schedule beats fixed polling by its marks and breaks no rule" %
      ("" if bench.returncode == 0 else "not "))
raise SystemExit(bench.returncode)
