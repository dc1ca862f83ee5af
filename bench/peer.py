"""Runs a program of a benchmark and says what it took."""

import json
import os
import subprocess
import sys
import time


def run(command):
    """Returns the program's JSON, seconds and peak memory in MB."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{command[0]} failed with exit code {child.returncode}")
    return json.loads(out), seconds, usage.ru_maxrss / 1024
