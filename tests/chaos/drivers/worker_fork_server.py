"""Fork server of worker processes with short leases, so that a test need not wait long after a kill.

Each line on standard input starts one more; its pid is printed. They fork from a process that has loaded the code
already, and run the same `main` as `python -m notifications`.
"""

import os
import signal
import sys
from datetime import timedelta

from config import Config
from models.db.session import Database, DatabaseRole
from notifications.__main__ import connect_channels, main

LEASE = timedelta(seconds=6)

# Load what a start loads, so that each fork is at work in a moment.
config = Config.from_env()
Database(config.database_url, DatabaseRole.WORKER).close()
for channel in set(connect_channels(config).values()):
    channel.close()

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # killed children need no wait()
for _line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os._exit(main(lease=LEASE))
    sys.stdout.write(f"{pid}\n")
    sys.stdout.flush()
