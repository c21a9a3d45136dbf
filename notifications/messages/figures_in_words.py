"""Figures in words: what is outside its control limits, an ask rate above one, and items that may not be named."""

from babel.numbers import format_decimal, format_percent

from models.reports.stats.control_limits import ControlPoint
from notifications.messages.translations import translations_for

PER_COUNT = frozenset({"concerns_per_1000"})  # shown as a number; all others are shares


def control_sentence(point: ControlPoint, *, locale: str) -> str | None:
    """Return what differs by more than chance, with both figures. None where chance may explain it."""
    if point.outside is None:
        return None
    _ = translations_for(locale).gettext
    more, fewer = {
        "recovery_rate": (
            _("More customers were recovered than chance explains"),
            _("Fewer customers were recovered than chance explains"),
        ),
        "taken_share": (
            _("More concerns were taken than chance explains"),
            _("Fewer concerns were taken than chance explains"),
        ),
        "unhappy_share": (
            _("More unhappy guests than chance explains"),
            _("Fewer unhappy guests than chance explains"),
        ),
        "quick_own_share": (
            _("More concerns were handled alone within two minutes than chance explains"),
            _("Fewer concerns were handled alone within two minutes than chance explains"),
        ),
        "corrected_up_share": (
            _("More moods were corrected up than chance explains"),
            _("Fewer moods were corrected up than chance explains"),
        ),
        "taken_back_share": (
            _("More concerns were taken back than chance explains"),
            _("Fewer concerns were taken back than chance explains"),
        ),
        "concerns_per_1000": (
            _("More concerns per thousand receipts than chance explains"),
            _("Fewer concerns per thousand receipts than chance explains"),
        ),
    }[point.figure]
    value, target = _figures(point, locale)
    what = more if point.value > point.target else fewer
    return _("{what}: {value} against {target}").format(what=what, value=value, target=target)


def _figures(point: ControlPoint, locale: str) -> tuple[str, str]:
    """Return value and target with as few decimals as tell them apart."""
    for decimals in ("", ".0", ".00"):
        if point.figure in PER_COUNT:
            texts = [format_decimal(it, format=f"#,##0{decimals}", locale=locale) for it in (point.value, point.target)]
        else:
            texts = [format_percent(it, format=f"0{decimals} %", locale=locale) for it in (point.value, point.target)]
        if texts[0] != texts[1]:
            break
    return texts[0], texts[1]


def ask_rate_sentence(*, locale: str) -> str:
    """Return what an ask rate above one means."""
    _ = translations_for(locale).gettext
    return _(
        "More checks and concerns than customers: receipts or covers are missing, or nobody made some of the checks"
    )


def unconfirmed_items(*, locale: str) -> str:
    """Return the name of all items together whose names nobody has confirmed."""
    _ = translations_for(locale).gettext
    return _("unconfirmed")
