"""The web process: settings in, application out."""

from api import create_app
from config import Config, set_up_logging

config = Config.from_env()
set_up_logging(config)
app = create_app(config)
