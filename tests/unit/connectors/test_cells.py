"""Times as survey tools write them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from connectors.cells import Moments, NaiveTime, NoTime

SECONDS = 1_772_449_200
NOON = datetime.fromtimestamp(SECONDS, UTC)


def read(value: object, *formats: str, zone: str | None = None) -> datetime:
    return Moments(formats, ZoneInfo(zone) if zone else None).read(value)


@pytest.mark.parametrize(
    ("value", "formats"),
    [
        ("2026-03-02T11:00:00Z", ["iso"]),
        ("2026-03-02 03:00:00 -0800", ["iso"]),
        ("2026-03-02T11:00:00.000000Z", ["iso"]),
        (SECONDS, ["unix"]),
        (str(SECONDS), ["unix"]),
        (float(SECONDS), ["unix"]),
        (SECONDS * 1000, ["unix_ms"]),
        (SECONDS * 1000, ["unix", "unix_ms"]),
        ("2026-03-02T11:00:00Z", ["unix", "iso"]),
    ],
)
def test_a_time_is_read_in_the_first_format_that_fits(value: object, formats: list[str]) -> None:
    assert read(value, *formats) == NOON


@pytest.mark.parametrize(
    "text",
    ["2026-3-2T11:00:00Z", "2026-03-02 11:00 UTC", "2026-03-02T12:00:00,000+01", "2026-03-02 6:30:00 -0430"],
)
def test_what_is_nearly_iso_is_read(text: str) -> None:
    assert read(text, "iso") == NOON


def test_milliseconds_are_not_taken_for_seconds() -> None:
    with pytest.raises(NoTime, match="would be after the year 5000: are these milliseconds"):
        read(SECONDS * 1000, "unix")


def test_seconds_are_not_taken_for_milliseconds() -> None:
    with pytest.raises(NoTime, match="would be before 1980: are these seconds"):
        read(SECONDS, "unix_ms")


@pytest.mark.parametrize("value", [0, -1, "0", 5])
def test_a_number_that_is_no_time_at_all_is_not_1970(value: object) -> None:
    with pytest.raises(NoTime, match="would be before 1980"):
        read(value, "unix")


def test_a_time_without_a_zone_is_read_in_the_declared_one_and_never_guessed() -> None:
    assert read("2026-03-02T12:00:00", "iso", zone="Europe/Berlin") == NOON
    with pytest.raises(NaiveTime, match="set time_zone"):
        read("2026-03-02T12:00:00", "iso")


@pytest.mark.parametrize("value", ["", "soon", None, True, [], {}, "nan", "1e400", float("nan")])
@pytest.mark.parametrize("form", ["iso", "unix", "unix_ms", "%d/%m/%Y"])
def test_what_is_no_time_is_told(value: object, form: str) -> None:
    with pytest.raises(NoTime):
        read(value, form)
