"""Areas, shares, times and sizes as a geologist reads them."""

from __future__ import annotations

import datetime as dt

from icssn.ui import wording


def area(m2: float) -> str:
    """Give an area in m² below 1 ha, in ha up to 100 ha, in km² above; three significant digits."""
    if m2 < 9_999.5:
        return f"{m2:,.0f} m²"
    if m2 < 999_950:
        return f"{_three_digits(m2 / 10_000)} ha"
    return f"{_three_digits(m2 / 1_000_000)} km²"


def duration(seconds: float, *, language: str | None = None) -> str:
    """Give a time span in words: seconds, minutes or hours."""
    whole = max(0, round(seconds))
    if whole < 90:
        return wording.phrase("time.seconds", language=language, seconds=whole)
    if whole < 5400:
        return wording.phrase("time.minutes", language=language, minutes=round(whole / 60))
    return wording.phrase("time.hours", language=language, hours=f"{whole / 3600:.1f}")


def moment(when: dt.datetime) -> str:
    """Give a moment in the machine's own time zone, to the minute."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M")


def share(value: float) -> str:
    """Give a share in [0, 1] as a percentage."""
    return f"{value:.0%}"


def two(value: float | None) -> str:
    """Give a figure with two decimals, or a dash where there is none."""
    return "–" if value is None else f"{value:.2f}"


def size(count: int) -> str:
    """Give a file size in MB or GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _three_digits(value: float) -> str:
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{decimals}f}"
