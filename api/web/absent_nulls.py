"""Bodies of POST: null means absent, whatever the field."""

from copy import copy
from functools import cache
from typing import Any

from marshmallow import fields, pre_load

from api.schemas.base import Schema


class _NullIsAbsent(Schema):
    """Base class of the schemas made here."""

    @pre_load
    def drop_nulls(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = {field.data_key or name for name, field in self.load_fields.items()}
        return {name: value for name, value in data.items() if value is not None or name not in known}


@cache
def null_is_absent(schema: type[Schema], prefix: str = "") -> type[Schema]:
    """Return a schema that loads the same and takes null for every optional field, also within nested objects.

    A nested schema, which may be taken by other methods as well, gets a name of its own in the OpenAPI document.
    """
    declared = schema._declared_fields  # noqa: SLF001 the only record of the declarations
    changed = {name: taking for name, field in declared.items() if (taking := _taking_null(field)) is not field}
    if not any(not field.required for field in declared.values()) and not changed:
        return schema
    return type(f"{prefix}{schema.__name__}", (_NullIsAbsent, schema), {"__doc__": schema.__doc__, **changed})


def _taking_null(field: Any, *, optional: bool = True) -> Any:
    """Return the field if it takes null wherever it may be left out; else a copy that does."""
    changes: dict[str, Any] = {}
    if isinstance(field, fields.Nested):
        changes["nested"] = null_is_absent(field.nested, "Posted")
    elif isinstance(field, fields.List):
        changes["inner"] = _taking_null(field.inner, optional=False)  # an entry of a list is never absent
    if optional:
        changes["allow_none"] = not field.required
    changes = {name: value for name, value in changes.items() if getattr(field, name) is not value}
    if not changes:
        return field
    taking = copy(field)
    vars(taking).update(changes)
    return taking
