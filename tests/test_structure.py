"""Structure: the permissions, the OpenAPI document, the migrations, the keys of every table."""

import importlib
import inspect
import json
import pkgutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask.views import MethodView
from openapi_spec_validator import OpenAPIV31SpecValidator

from api import create_app, resources
from api.schemas.includes import ConcernReadSchema
from api.schemas.reports.base import GroupSchema, SubjectSchema
from api.schemas.staff import FIELDS_OF_MANAGED
from api.web import problems as errors
from api.web.openapi import render_document
from api.web.openapi_answers import names_in
from api.web.resource import METHODS, Resource
from config import Config as AppConfig
from models.access import Permission
from models.db.base import Aggregate, Base, TenantOwned
from models.tables import metadata
from tests.support.databases import ROOT, Databases, migrate
from tests.support.openapi_document import bare_application, document, operations, written_document
from tests.support.rows import tenant_tables

GLOBAL = {"organization", "heartbeat", "watchdog_run", "restore_event", "metric_counter", "rate_limit_counter"}
# Keyed by the organization and something that is unique within it by itself.
OTHER_KEYS = {"change": ["organization_id", "seq"], "change_counter": ["organization_id"]}
# The properties that not every answer has.
NOT_ALWAYS = {
    "ConcernRead": ConcernReadSchema.sometimes,  # what `include` names
    "Group": set(GroupSchema().fields),  # a row has those it is grouped by
    "InvitedStaff": FIELDS_OF_MANAGED,
    **{f"{name}WithCustomer": {"customer"} for name in ("Alert", "Concern", "FollowUp", "RecoveryAction")},
    "ManagedStaff": FIELDS_OF_MANAGED,
    "Problem": {"errors", "pointer"},
    "RecoveryReport": {"compared"},
    "Subject": set(SubjectSchema().fields),
}


def subclasses(of: type) -> Iterator[type]:
    for subclass in of.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def test_every_address_says_what_it_needs():
    for module in pkgutil.iter_modules(resources.__path__):
        importlib.import_module(f"api.resources.{module.name}")
    resource_classes = [
        resource for resource in subclasses(Resource) if resource.__module__.startswith("api.resources")
    ]
    assert resource_classes
    for resource in resource_classes:
        offered = {method for method in METHODS if hasattr(resource, method.lower())}
        assert resource.permissions.keys() == offered, resource.__name__
        assert all(isinstance(needed, Permission) for needed in resource.permissions.values()), resource.__name__
    with pytest.raises(TypeError, match="does not say who may"):
        type("Forgetful", (Resource,), {"get": print})


def test_every_address_under_v1_is_a_resource():
    app = bare_application()
    for rule in app.url_map.iter_rules():
        view = getattr(app.view_functions[rule.endpoint], "view_class", None)
        inside = inspect.isclass(view) and issubclass(view, Resource)
        assert inside == rule.rule.startswith("/v1/"), rule.rule
    assert set(MethodView.__subclasses__()) >= {Resource}


def test_every_operation_has_an_id_of_its_own():
    assert [id_ for id_, count in Counter(operation.id for operation in operations()).items() if count > 1] == []
    for operation in operations():
        assert operation.spec["tags"], operation.id
        assert operation.spec["summary"], operation.id
        assert not operation.spec["summary"].endswith("."), operation.id


def test_the_document_is_openapi_3_1():
    assert document()["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_every_refusal_is_a_problem():
    answers = document()["components"]["responses"]
    assert answers.keys() <= {code for code, _ in errors.STATUS_TITLES.values()} | {"not-modified"}
    for name, answer in answers.items():
        assert list(answer.get("content", ())) == ["application/problem+json"] * (name != "not-modified"), name
    for operation in operations():
        refusals = {status: answer for status, answer in operation.spec["responses"].items() if status >= "400"}
        assert {"422", "500", "503"} <= refusals.keys(), operation.id
        for status, answer in refusals.items():
            code = errors.STATUS_TITLES[int(status)][0]
            assert answer == {"$ref": f"#/components/responses/{code}"}, (operation.id, status)


def test_a_page_may_be_asked_for_at_any_length():
    """A format would say that there is a longest one: what is more than a page holds means a page."""
    limits = [
        parameter["schema"]
        for operation in operations()
        for parameter in operation.spec.get("parameters", [])
        if parameter.get("name") == "limit"
    ]
    assert limits
    assert [limit for limit in limits if "format" in limit or "maximum" in limit] == []


def test_every_application_of_a_process_writes_the_same_document():
    another = create_app(AppConfig.from_env({"SECRET_KEY": "an application beside another one"}))
    assert render_document(another) == written_document()


def test_whatever_is_answered_is_always_there_but_for_what_is_known_not_to_be():
    schemas = document()["components"]["schemas"]
    answers = [operation.spec["responses"] for operation in operations()]
    for name in sorted(names_in([*answers, document()["components"]["responses"]], schemas)):
        properties, required = schemas[name].get("properties", {}), schemas[name].get("required", [])
        assert properties.keys() - required == NOT_ALWAYS.get(name, set()), name
    for name in sorted(names_in(answers, schemas)):
        assert schemas[name].get("additionalProperties") is not False, f"{name} may gain properties"


def test_every_code_of_a_refusal_is_explained():
    spoken = {code for code, (_, title) in errors.PROBLEM_CODES.items() if title}
    for path in [*ROOT.glob("models/**/*.py"), *ROOT.glob("api/**/*.py")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            if 'code="' in line:
                assert line.split('code="')[1].split('"')[0] in spoken, (path.name, line)


def test_the_document_in_the_repository_is_the_one_the_code_writes():
    committed = (ROOT / "openapi.json").read_text(encoding="utf-8")
    assert json.loads(committed) == json.loads(written_document()), "renew it with: make openapi"
    assert committed == written_document(), "renew it with: make openapi"


def test_every_tenants_table_is_keyed_by_the_tenant_first():
    assert tenant_tables()
    for tenant_table in tenant_tables():
        key = [column.name for column in tenant_table.primary_key.columns]
        assert key == OTHER_KEYS.get(tenant_table.name, ["organization_id", "id"]), tenant_table.name


def test_every_link_between_tenants_tables_carries_the_tenant():
    count = 0
    for tenant_table in tenant_tables():
        for constraint in tenant_table.foreign_key_constraints:
            columns = [column.name for column in constraint.columns]
            targets = [element.target_fullname for element in constraint.elements]
            target = constraint.referred_table.name
            if target == "organization":
                assert (columns, targets) == (["organization_id"], ["organization.id"]), tenant_table.name
                continue
            assert columns[0] == "organization_id", (tenant_table.name, columns)
            assert targets == [f"{target}.organization_id", f"{target}.id"], (tenant_table.name, targets)
            count += 1
        linked = {column.name for constraint in tenant_table.foreign_key_constraints for column in constraint.columns}
        loose = {column.name for column in tenant_table.columns if column.info.get("links_to")} - linked
        assert not loose, tenant_table.name
    assert count >= 35


def test_every_table_is_a_tenants_or_known_to_be_global():
    assert metadata.tables.keys() - {tenant_table.name for tenant_table in tenant_tables()} == GLOBAL
    for model in subclasses(Base):
        if "__tablename__" in vars(model) and model.__tablename__ not in {*GLOBAL, *OTHER_KEYS}:
            assert issubclass(model, TenantOwned), model.__name__
    assert issubclass(Aggregate, TenantOwned)


def test_migrations_are_numbered_and_have_one_head():
    script = ScriptDirectory.from_config(settings("sqlite://"))
    assert len(script.get_heads()) == 1
    files = sorted(path.name for path in (ROOT / "migrations" / "versions").glob("*.py"))
    assert [name[:5] for name in files] == [f"{number:04}_" for number in range(1001, 1001 + len(files))]
    for name in files:
        assert name[:4] in {revision.revision for revision in script.walk_revisions()}


def test_tables_and_models_are_the_same(database_url: str):
    command.check(settings(database_url))


def test_migrations_go_down_and_up_again_to_the_same_schema(databases: Databases, database_kind: str):
    with databases.alone(database_kind) as url:
        first = schema(url)
        command.downgrade(settings(url), "base")
        left = schema(url)
        assert left.pop("tables").keys() == {"alembic_version"}
        assert not any(left.values()), left
        migrate(url)
        assert schema(url) == first
        assert first["tables"].keys() == {*metadata.tables, "alembic_version"}


def settings(url: str) -> Config:
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["database_url"] = url
    return config


def schema(url: str) -> dict[str, Any]:
    """All that a migration makes: tables with columns, keys, links, indexes, unique constraints; and on PostgreSQL
    policies, rights, triggers and functions.
    """
    engine = sa.create_engine(url)
    looked = sa.inspect(engine)
    objects: dict[str, Any] = {
        "tables": {
            name: [
                _texts(looked.get_columns(name)),
                looked.get_pk_constraint(name)["constrained_columns"],
                _texts(looked.get_foreign_keys(name)),
                _texts(looked.get_indexes(name)),
                _texts(looked.get_unique_constraints(name)),
            ]
            for name in looked.get_table_names()
        }
    }
    if engine.dialect.name == "postgresql":
        questions = {
            "policies": "SELECT * FROM pg_policies ORDER BY tablename, policyname",
            "rights": "SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee LIKE 'amends_%' AND table_name <> 'alembic_version' ORDER BY 1, 2, 3",
            "triggers": "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
            "functions": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1",
            "secured": "SELECT relname FROM pg_class WHERE relrowsecurity ORDER BY 1",
        }
        with engine.connect() as connection:
            for kind, question in questions.items():
                objects[kind] = [tuple(map(str, row)) for row in connection.execute(sa.text(question))]
    engine.dispose()
    return objects


def _texts(facts: list[Any]) -> list[str]:
    return sorted(json.dumps(fact, default=str, sort_keys=True) for fact in facts)


def test_every_choice_has_a_name_and_stands_in_the_document_once():
    written = document()
    named = {name: schema for name, schema in written["components"]["schemas"].items() if "enum" in schema}
    rest = {name: schema for name, schema in written["components"]["schemas"].items() if name not in named}
    unnamed = json.dumps([rest, written["paths"], written["components"]["parameters"]]).count('"enum": [')
    assert unnamed == 0
    values = [frozenset(schema["enum"]) for schema in named.values()]
    assert len({*values}) == len(values) >= 50
    assert {"ConcernStatus", "AlertState", "NotificationKind", "Role"} <= named.keys()


def test_every_parameter_says_what_it_is():
    written = document()
    parts = [part for item in written["paths"].values() for part in [item, *item.values()] if isinstance(part, dict)]
    parameters = [parameter for part in parts for parameter in part.get("parameters", [])]
    own = [parameter for parameter in parameters if "$ref" not in parameter]
    assert len(own) > 200
    assert not [parameter["name"] for parameter in own if not parameter.get("description")]
    assert all(parameter["description"] for parameter in written["components"]["parameters"].values())


def test_every_schema_of_the_document_is_used():
    written = document()
    used = json.dumps(written)
    assert [name for name in written["components"]["schemas"] if f'/schemas/{name}"' not in used] == []
