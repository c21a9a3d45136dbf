"""When a report and a recount say the same."""

from typing import Any


def counted_in(answer: dict[str, Any]) -> dict[str, Any]:
    """What a recovery report counts; how its stores compare is reckoned from that."""
    rows = [{name: value for name, value in row.items() if name != "control"} for row in answer["rows"]]
    return {"rows": rows, "totals": answer["totals"]}


def agrees(said: Any, counted: Any) -> bool:
    """Whether a report says what was counted: everything to the last digit, medians and 90th percentiles within 1 %."""
    match counted:
        case {"median": median, "p90": p90, "n": n}:
            near = all(_near(said[name], value) for name, value in (("median", median), ("p90", p90)))
            return near and bool(said["n"] == n)
        case dict():
            return said.keys() == counted.keys() and all(agrees(said[name], counted[name]) for name in counted)
        case list():
            return len(said) == len(counted) and all(agrees(*both) for both in zip(said, counted, strict=True))
    return bool(said == counted)


def _near(said: float | None, counted: float | None) -> bool:
    if said is None or counted is None:
        return said is counted
    return abs(said - counted) <= counted * 0.01 + 1e-9
