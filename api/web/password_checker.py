"""Program of `PasswordProcess`: answers each line `[hash, password]` with 1 or 0. It imports little, to stay small."""

import json
import os
import sys

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError


def answer_lines(niceness: int) -> None:
    """Answer until the other end is closed, which it is when its process has ended, however it ended."""
    os.nice(niceness)
    hasher = PasswordHasher()  # the costs are those of each hash
    for line in sys.stdin.buffer:
        try:
            matches = hasher.verify(*json.loads(line))
        except VerifyMismatchError:
            matches = False
        sys.stdout.buffer.write(b"1" if matches else b"0")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    answer_lines(int(sys.argv[1]))
