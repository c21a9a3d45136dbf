"""Blueprints that several resource modules share: the document lists their operations under one tag."""

from api.web.blueprint import Blueprint

me = Blueprint("me", __name__, "The signed-in person: profile, shift, devices")
organization = Blueprint("organization", __name__, "Regions, stores, people, and the words an organization uses")
listening = Blueprint("listening", __name__, "Checks, and the figures of a store's day they are held against")
feedback = Blueprint("feedback", __name__, "What customers say themselves: links after a recovery, standing QR codes")
recovery_logs = Blueprint("recovery-logs", __name__, "The daily recovery log of a store")
