"""What several tests of the worker ask for."""

import pytest

from models.staff.device import AddressKind
from tests.support.app import App
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone


@pytest.fixture
def phone(app: App, shop: Shop) -> str:
    """The manager's only phone, by its address."""
    give_phone(app.back_office, shop, "manager", "phone-1", kind=AddressKind.FCM_TOKEN)
    return "phone-1"
