"""What a request makes of a database that ends its transaction, or whose file is damaged."""

import os
from pathlib import Path
from threading import Thread

import sqlalchemy as sa

from models.customers.customer import Customer
from models.db.session import Database, DatabaseRole
from tests.support.app import App
from tests.support.databases import migrate, only_on_postgresql
from tests.support.factories.organizations import Shop, make_shop
from tests.support.threads import wait_for_blocked_transaction


@only_on_postgresql
def test_a_request_that_ends_in_a_deadlock_runs_again(app: App, shop: Shop) -> None:
    """Takes a second: after that time PostgreSQL looks for deadlocks."""
    ids = sorted(
        app.request("POST", "/v1/customers", (shop, "manager"), json={"phone": phone}).json["id"]
        for phone in ("+351912345678", "+351930000000")
    )
    lock = sa.select(Customer.id).with_for_update()
    answers = []

    def merge() -> None:
        path, body = f"/v1/customers/{ids[0]}/merge", {"customer_id": ids[1]}
        answers.append(app.request("POST", path, (shop, "manager"), json=body))

    other = sa.create_engine(app.url)
    with other.begin() as connection:
        connection.execute(sa.text("SET deadlock_timeout = '1min'"))  # so that it is the request that is ended
        connection.execute(lock.where(Customer.id == ids[1]))
        request = Thread(target=merge)
        request.start()
        wait_for_blocked_transaction(app)
        connection.execute(lock.where(Customer.id == ids[0]))
    request.join()
    other.dispose()
    (answer,) = answers
    assert (answer.status_code, answer.json["moved"]["concerns"]) == (200, 0)


def test_a_damaged_file_is_said_by_the_health_check_for_a_minute(tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    migrate(f"sqlite:///{path}")
    app = App(f"sqlite:///{path}")
    app.database = Database(app.url, DatabaseRole.APP, clock=app.clock)  # one that shares nothing with other tests
    shop = make_shop(app.back_office)
    app.close()  # so that nothing of the file is remembered
    assert app.request("GET", "/readyz").status_code == 200
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))
    app.close()
    assert app.request("GET", "/v1/concerns", (shop, "floor")).status_code == 500
    ill = app.request("GET", "/readyz")
    assert (ill.status_code, ill.json["database"]) == (503, "damaged")
    assert app.request("GET", "/healthz").status_code == 200
    app.clock.move(seconds=61)
    assert app.request("GET", "/readyz").status_code != 200  # it says so itself again
    app.close()
