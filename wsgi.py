"""WSGI entry point of the web process."""

import sys

from api import create_app
from config import Config, ConfigError, set_up_logging

try:
    config = Config.from_env()
except ConfigError as error:
    sys.exit(f"amends: {error}")
set_up_logging(config)
app = create_app(config)
