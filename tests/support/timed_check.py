"""Run targets of the Makefile one after the other, and print how long they took beside a fixed loop of Python.

The loop does the same work everywhere, so a slow or busy machine shows. The targets are the arguments:
`python -m tests.support.timed_check lint test`.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence

ROUNDS = 10_000_000  # about half a second on a core of 2024


def time_cpu_loop() -> float:
    """Return the seconds that the loop takes."""
    begun = time.perf_counter()
    total = 0
    for number in range(ROUNDS):
        total += number & 3
    return time.perf_counter() - begun


def main(targets: Sequence[str]) -> int:
    """Return 0, or the exit code of the first target that fails; the others do not run then."""
    loop, begun = time_cpu_loop(), time.perf_counter()
    spent = []
    code = 0
    for target in targets:
        started = time.perf_counter()
        code = subprocess.run([os.environ.get("MAKE", "make"), "--no-print-directory", target], check=False).returncode
        spent.append(f"{target} {time.perf_counter() - started:.0f} s")
        if code:
            break
    took = time.perf_counter() - begun
    outcome = f"{targets[len(spent) - 1]} failed" if code else "all is well"
    sys.stdout.write(
        f"{outcome}: {took:.0f} s ({', '.join(spent)}); a fixed loop of Python took {loop:.2f} s here, "
        f"on {os.cpu_count()} cores\n"
    )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
