"""The command `demo seed`: when it adds the demo, and when it refuses."""

from models.staff.shift import Shift
from tests.support.app import App, commands_of
from tests.support.factories.organizations import Shop
from tests.support.rows import rows


def test_the_demo_is_not_seeded_beside_a_real_organization_unless_asked(app: App, shop: Shop, monkeypatch):
    monkeypatch.setattr("api.cli.demo.command.seed", lambda *_, **__: "Seeded.")
    command = commands_of(app)

    empty = command("demo", "seed", "--if-empty")
    seeded = command("demo", "seed")

    assert (empty.exit_code, empty.stdout) == (0, "There is an organization already. Nothing was added.\n")
    assert (seeded.exit_code, seeded.stdout) == (0, "Seeded.\n")


def test_a_second_demo_is_refused_and_a_restart_is_not(app: App, monkeypatch):
    monkeypatch.setattr("api.cli.demo.seed.write_history", lambda *_, **__: None)
    command = commands_of(app)
    assert command("demo", "seed").exit_code == 0

    again, empty, missing = (command("demo", "seed", *flag) for flag in ([], ["--if-empty"], ["--if-missing"]))

    message = "The organization 'demo' exists already. Nothing was added.\n"
    assert (again.exit_code, again.stderr) == (1, f"Error: {message}")
    assert (empty.exit_code, empty.stdout) == (missing.exit_code, missing.stdout) == (0, message)


def test_a_restart_lets_the_people_of_the_demo_come_to_work_again(app: App, monkeypatch):
    monkeypatch.setattr("api.cli.demo.seed.write_history", lambda *_, **__: None)
    command = commands_of(app)
    assert command("demo", "seed").exit_code == 0
    people = {shift.staff_id for shift in rows(app, Shift) if shift.is_running(app.clock())}
    app.clock.move(days=7)
    assert not any(shift.is_running(app.clock()) for shift in rows(app, Shift))

    assert command("demo", "seed", "--if-empty").exit_code == 0

    assert {shift.staff_id for shift in rows(app, Shift) if shift.is_running(app.clock())} == people != set()
