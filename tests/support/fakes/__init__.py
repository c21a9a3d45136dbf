"""Stand-ins for services outside this machine: Firebase and a mail server."""
