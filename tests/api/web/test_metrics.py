"""Prometheus metrics: true figures from every process, and no label about an organization or a person."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from config import ROOT
from models.db.session import Database, DatabaseRole
from models.outbox.message import OutboxMessage
from models.staff.device import AddressKind
from notifications.channels.base import DeliveryResult
from tests.support.app import App
from tests.support.databases import only_on_sqlite
from tests.support.factories.concerns import log_concern
from tests.support.factories.organizations import Shop
from tests.support.factories.staff import give_phone
from tests.support.rows import rows
from tests.support.worker import RecordingChannel, for_all_kinds, running_worker, work_until_idle

OPERATIONS = ROOT / "docs" / "operations"
NAME = re.compile(r"\bamends_[a-z_]+")


def measured(app: App) -> dict[str, float]:
    """Every sample, as name{label=value,...}."""
    answer = app.request("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    return {
        sample.name + _labels(sample.labels): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f"{name}={value}" for name, value in sorted(labels.items())) + "}" if labels else ""


def beat(app: App, worker: Any) -> None:
    app.clock.move(seconds=5)
    worker.work_once()


def test_without_a_worker_nothing_is_made_up(app: App) -> None:
    metrics = measured(app)
    assert (metrics["amends_database_up"], metrics["amends_workers"]) == (1, 0)
    assert not any(name.startswith(("amends_outbox", "amends_worker_heartbeat", "amends_circuit")) for name in metrics)


def test_requests_are_counted_by_what_nobody_outside_can_make_up(app: App, shop: Shop) -> None:
    logged = "amends_requests_total{method=POST,route=/v1/concerns,status=201}"
    before = measured(app)
    concern = log_concern(app, shop)
    app.request("GET", f"/v1/concerns/{concern['id']}", (shop, "floor"))
    app.request("GET", "/v1/a-path-of-a-stranger")
    app.request("BREW", "/v1/concerns")
    after = measured(app)
    assert after[logged] - before.get(logged, 0) == 1
    seconds = "amends_request_seconds_count{method=POST,route=/v1/concerns}"
    assert after[seconds] - before.get(seconds, 0) == 1
    new = {name for name in after.keys() - before.keys() if name.startswith("amends_requests_total")}
    assert "amends_requests_total{method=GET,route=none,status=404}" in after
    assert not any("stranger" in name or "BREW" in name or concern["id"] in name for name in new)


def test_what_waits_and_how_late_it_is(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone", kind=AddressKind.FCM_TOKEN)
    push = RecordingChannel()
    push.result = DeliveryResult.later("unauthenticated", alarm=True)
    with running_worker(app, for_all_kinds(push)) as worker:
        for _ in range(2):
            log_concern(app, shop)
            work_until_idle(worker)
        for _ in range(2):
            beat(app, worker)
        metrics = measured(app)
        waiting = [row for row in rows(app, OutboxMessage) if row.done_at is None]
        assert len(waiting) == 2
        assert metrics["amends_outbox_rows{state=due}"] + metrics["amends_outbox_rows{state=later}"] == 2
        assert metrics["amends_outbox_rows{state=leased}"] == metrics["amends_outbox_rows{state=dead_lettered}"] == 0
        assert metrics["amends_outbox_oldest_due_seconds"] >= 5
        assert (metrics["amends_circuit_open{service=push}"], metrics["amends_circuit_open{service=log}"]) == (1, 0)
        assert (
            metrics["amends_workers"],
            metrics["amends_step_lateness_seconds"],
            metrics["amends_steps_overdue"],
        ) == (1, 0, 0)
        app.clock.move(seconds=4)
        assert measured(app)["amends_worker_heartbeat_age_seconds"] == 4
        app.clock.move(minutes=21)
        worker._heartbeat.beat()  # before it escalates
        metrics = measured(app)
        assert metrics["amends_steps_overdue"] == 2
        assert metrics["amends_step_lateness_seconds"] > 60
        worker.work_once()
        metrics = measured(app)
        assert (metrics["amends_watchdog_age_seconds"], metrics["amends_watchdog_last_found{kind=late_step}"]) == (0, 0)


def test_sends_are_summed_over_all_workers_and_outlive_them(app: App, shop: Shop) -> None:
    for number in range(3):
        give_phone(app.back_office, shop, "manager", f"phone-{number}", kind=AddressKind.FCM_TOKEN)
    for answers in ([DeliveryResult.gone("unregistered")], [DeliveryResult.sent()]):
        push = RecordingChannel()
        push.next.extend(answers)
        with running_worker(app, for_all_kinds(push)) as worker:
            log_concern(app, shop)
            work_until_idle(worker)
    metrics = measured(app)
    assert metrics["amends_deliveries_total{outcome=gone,service=push}"] == 1
    assert metrics["amends_deliveries_total{outcome=sent,service=push}"] == 4
    assert metrics["amends_workers"] == 0


def test_no_label_names_an_organization_or_a_person(app: App, shop: Shop) -> None:
    give_phone(app.back_office, shop, "manager", "phone of somebody", kind=AddressKind.FCM_TOKEN)
    with running_worker(app, for_all_kinds(RecordingChannel()), name="host:42") as worker:
        log_concern(app, shop, customer={"name": "Quentina Quill", "phone": "+351912345678"})
        work_until_idle(worker)
        beat(app, worker)
        text = app.request("GET", "/metrics").text
    ids = [shop.organization_id, shop.store_id, *shop.staff.values()]
    secrets = ["acme", "uentina", "912345678", "phone of", "host:42", *map(str, ids)]
    assert [secret for secret in secrets if secret in text] == []


@only_on_sqlite
def test_without_a_database_it_says_so_and_still_answers(app: App, tmp_path: Path) -> None:
    app.database.close()
    app.database = Database(f"sqlite:///{tmp_path}/none.db", DatabaseRole.APP, clock=app.clock)
    metrics = measured(app)
    assert metrics["amends_database_up"] == 0
    assert "amends_workers" not in metrics


def test_readyz_shows_what_the_watchdog_and_the_outbox_report(app: App, shop: Shop) -> None:
    channel = RecordingChannel()
    with running_worker(app, for_all_kinds(channel)) as worker:
        worker.work_once()
        well = app.request("GET", "/readyz").json
        assert (well["queue"], well["audit"], well["channels"]) == (
            "ok",
            "ok",
            {"log": "ok", "push": "ok", "email": "ok"},
        )
        give_phone(app.back_office, shop, "manager", "phone", kind=AddressKind.FCM_TOKEN)
        channel.result = DeliveryResult.later("unauthenticated", alarm=True)
        for _ in range(2):
            log_concern(app, shop)
            work_until_idle(worker)
        for _ in range(10):
            beat(app, worker)
        ill = app.request("GET", "/readyz")
        assert (ill.status_code, ill.json["push"], ill.json["channels"]["push"]) == (200, "degraded", "degraded")
        app.clock.at += timedelta(minutes=4)
        assert app.request("GET", "/readyz").json["audit"] == "degraded"


@pytest.mark.parametrize("file", ["grafana-dashboard.json", "prometheus-rules.yml"])
def test_every_figure_that_is_drawn_or_alarms_exists(app: App, shop: Shop, file: str) -> None:
    give_phone(app.back_office, shop, "manager", "phone", kind=AddressKind.FCM_TOKEN)
    with running_worker(app, for_all_kinds(RecordingChannel())) as worker:
        log_concern(app, shop)
        work_until_idle(worker)
        beat(app, worker)
        families = list(text_string_to_metric_families(app.request("GET", "/metrics").text))
    there = {sample.name for family in families for sample in family.samples}
    there |= {family.name + "_total" for family in families if family.type == "counter"}
    text = (OPERATIONS / file).read_text(encoding="utf-8")
    metric_names = {name for expression in expressions(file, text) for name in NAME.findall(expression)}
    assert len(metric_names) >= 8
    assert metric_names <= there
    drawn = NAME.findall(text)
    assert set(drawn) <= there  # nor does a text speak of one that is not there


def expressions(file: str, text: str) -> list[str]:
    """What is asked of Prometheus; a file of another shape breaks here."""
    if file.endswith(".json"):
        board = json.loads(text)
        return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    assert all(rule["alert"] and rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in rules)
    return [rule["expr"] for rule in rules]
