"""OpenAPI document of parameters: each says what it is, and those of many operations stand in it once."""

from typing import Any

from apispec import APISpec

# In a path, what names the thing that the address is about.
IN_PATH = {
    "business_date": "The business day, such as 2026-03-02. It begins when the store's day does, not at midnight.",
    "employee_number": "The number of the person in the personnel system.",
    "installation_id": "The id that the app made for itself when it was installed on this phone.",
    "reference": "The name of it in the system that sends it, such as the number of an order at the till.",
    "source": "The system that sends it, such as the name of the till.",
}
IN_QUERY = {
    "business_date": "Only of this business day of the store.",
    "category": "The slug of a category.",
    "cause": "The slug of a cause.",
    "cursor": "The `next_cursor` of the page before; leave it out for the first page.",
    "customer_id": "The id of a customer.",
    "due_before": "Only what is due before this time.",
    "employee_number": "The number of the person in the personnel system.",
    "fix_id": "The id of a fix: only what it led to.",
    "from": "The first business day, included.",
    "group_id": "The id of a group of stores: only those.",
    "kind": "Only of these kinds.",
    "left": "`true` for those who left, `false` for those who are there.",
    "limit": "How many entries a page has at most; more than 200 (of the export: 1,000) is reduced to that.",
    "mood": "How the customer feels, from 1 (very unhappy) to 5 (delighted).",
    "name": "The name, or its beginning.",
    "owner_id": "The id of the person who has promised it.",
    "question": "The slug of the open question that was just asked.",
    "received_after": "Only what was received after this time.",
    "received_before": "Only what was received before this time.",
    "region_id": "The id of a region: only its stores.",
    "settlement": "Only where the payment is in this state.",
    "severity": "Only of this severity.",
    "state": "Only in this state.",
    "status": "Only in this status.",
    "store_id": "The id of a store: only what belongs to it.",
    "times_told": "How often the customer tells it, this time included.",
    "to": "The last business day, included.",
    "unhappy": "`true` for moods 1 and 2 only.",
    "unpaid": "`true` for what was promised and is not paid yet.",
}
SHARED = {
    "cursor": "Cursor",
    "limit": "Limit",
    "If-Match": "IfMatch",
    "If-None-Match": "IfNoneMatch",
    "Idempotency-Key": "IdempotencyKey",
    "X-App-Version": "AppVersion",
    "Accept-Language": "AcceptLanguage",
    "X-Request-Id": "RequestId",
}


def share_parameters(spec: APISpec) -> None:
    """Describe each parameter that has no words of its own, and replace those shared by references to one of them."""
    for path in spec.to_dict()["paths"].values():
        for part in [path, *(operation for method, operation in path.items() if method != "parameters")]:
            if "parameters" in part:
                part["parameters"][:] = [_shared(spec, _described(parameter)) for parameter in part["parameters"]]


def _described(parameter: dict[str, Any]) -> dict[str, Any]:
    name: str = parameter["name"]
    texts = {"path": IN_PATH, "query": IN_QUERY}.get(parameter["in"], {})
    text = texts.get(name)
    if text is None and parameter["in"] == "path" and name.endswith("_id"):
        text = f"The id of the {name.removesuffix('_id').replace('_', ' ')}."
    return parameter if "description" in parameter or text is None else {**parameter, "description": text}


def _shared(spec: APISpec, parameter: dict[str, Any]) -> dict[str, Any]:
    name = SHARED.get(parameter["name"])
    if name is None:
        return parameter
    first = spec.components.parameters.setdefault(name, parameter)
    return {"$ref": f"#/components/parameters/{name}"} if first == parameter else parameter
