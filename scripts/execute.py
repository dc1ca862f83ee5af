"""Executes a notebook with the kernel "Collapse (Go)" into another file.

    execute.py notebook.ipynb executed.ipynb

A Go program that panics or exits with a status may leave the kernel's reply
"ok", so the outputs of every cell are looked through as well. The executed
notebook is written whole or not at all; what a failing one got to is kept
next to it, as executed.ipynb.failed.
"""
import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FAILED = re.compile(r"^(panic: |fatal error: |exit status [1-9]|signal: |goroutine \d+ \[)", re.M)
TIMEOUT = 1800  # seconds a cell: a training on a slow machine


def faults(nb):
    """Yields (cell number, what went wrong) for every cell that failed."""
    for number, cell in enumerate(nb.cells):
        if "raises-exception" in cell.get("metadata", {}).get("tags", []):
            continue
        for out in cell.get("outputs", []):
            if out.output_type == "error":
                yield number, f"{out.ename}: {out.evalue}\n" + "\n".join(out.traceback)
            elif out.output_type == "stream" and FAILED.search(out.text):
                yield number, out.text


def write(nb, path):
    aside = path.with_name(path.name + ".part")
    with open(aside, "w", encoding="utf-8") as f:
        nbformat.write(nb, f)
        f.flush()
        os.fsync(f.fileno())
    os.replace(aside, path)


def main(source, target):
    nb = nbformat.read(source, as_version=4)
    client = NotebookClient(nb, kernel_name="collapse", timeout=TIMEOUT, resources={"metadata": {"path": str(source.parent)}})
    problem = None
    try:
        # GoNB logs every cell that it runs: for a look when one fails.
        with open(target.with_name(target.stem + ".kernel.log"), "w", encoding="utf-8") as log:
            client.execute(stdout=log, stderr=log)
    except CellExecutionError:
        pass  # the cell holds the error's output
    except Exception as e:  # the kernel died or did not start, a cell ran out of time
        problem = f"{type(e).__name__}: {e}"
    found = list(faults(nb))
    failed = target.with_name(target.name + ".failed")
    if problem or found:
        write(nb, failed)
        for number, text in found:
            print(f"{source}: cell {number} failed:\n{nb.cells[number].source}\n--- its output:\n{text}", file=sys.stderr)
        if problem:
            print(f"{source}: {problem}", file=sys.stderr)
        print(f"{source} failed; what it got to is in {failed}", file=sys.stderr)
        return 1
    write(nb, target)
    failed.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
