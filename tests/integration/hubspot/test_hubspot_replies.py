"""HubSpot's statuses and error bodies, and what npsync makes of them."""

from __future__ import annotations

import json

import pytest
from fake_clock import FakeClock

from connectors.hubspot.replies import judge, judge_leniently, refusal
from connectors.replies import FINE, Fine, Renew, Reply, Retry, Stop
from nps.errors import AccessError, BudgetError, UnavailableError


def reply(status: int, body: object = None, **headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def ruling(status: int, body: object = None, **headers: str) -> object:
    return judge(reply(status, body, **headers), FakeClock())


def too_many(policy: str, message: str = "") -> dict[str, str]:
    return {"status": "error", "errorType": "RATE_LIMIT", "policyName": policy, "message": message}


@pytest.mark.parametrize("status", [200, 201, 207, 400, 404, 409, 422])
def test_an_answer_about_records_is_handed_to_the_caller(status: int) -> None:
    assert ruling(status) == FINE


def test_a_spent_day_ends_the_run_cleanly() -> None:
    match ruling(429, too_many("DAILY")):
        case Stop(error, _):
            assert error is BudgetError
        case other:
            pytest.fail(f"{other}")


def test_the_burst_limit_waits_for_the_window_the_headers_name() -> None:
    assert _wait(ruling(429, too_many("TEN_SECONDLY_ROLLING"))) == 10
    assert (
        _wait(ruling(429, too_many("TEN_SECONDLY_ROLLING"), x_hubspot_ratelimit_interval_milliseconds="5000"))
        == 5
    )
    assert _wait(ruling(429, too_many("TEN_SECONDLY_ROLLING"), retry_after="3")) == 3


def test_the_search_limit_waits_a_second() -> None:
    assert _wait(ruling(429, too_many("SECONDLY"))) == 1
    assert _wait(ruling(429, {"message": "You have reached your secondly limit."})) == 1


def test_a_429_page_of_the_edge_network_waits_ten_seconds() -> None:
    assert _wait(ruling(429, b"<html>slow down</html>")) == 10


def test_a_locked_record_waits_two_seconds() -> None:
    assert _wait(ruling(423)) == 2


def test_a_short_migration_is_waited_for_and_a_long_one_ends_the_run() -> None:
    assert _wait(ruling(477, retry_after="30")) == 30
    match ruling(477, retry_after="86400"):
        case Stop(error, reason):
            assert error is BudgetError
            assert "86400" in reason
        case other:
            pytest.fail(f"{other}")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 521, 523, 524])
def test_a_failing_server_is_asked_again_and_may_have_done_it(status: int) -> None:
    match ruling(status, b"<html>Bad Gateway</html>"):
        case Retry(_, _, unknown):
            assert unknown
        case other:
            pytest.fail(f"{other}")


def test_a_success_that_is_cut_off_or_no_json_is_asked_again() -> None:
    for body in (b'{"status":"COMPLETE","results":[{"id":"1"', b"<html>please log in</html>", b""):
        assert isinstance(ruling(200, body), Retry)
    assert ruling(204, b"") == Fine()


def test_a_refused_token_is_renewed_and_a_malformed_one_ends_the_run() -> None:
    assert isinstance(ruling(401), Renew)
    assert _error(ruling(530)) is AccessError


def test_a_missing_scope_is_named() -> None:
    body = {
        "category": "MISSING_SCOPES",
        "errors": [{"context": {"requiredGranularScopes": ["crm.objects.contacts.write"]}}],
    }
    match ruling(403, body):
        case Stop(error, reason):
            assert error is AccessError
            assert "crm.objects.contacts.write" in reason
        case other:
            pytest.fail(f"{other}")
    assert judge_leniently(reply(403, body), FakeClock()) == FINE


def test_a_404_page_of_another_server_is_not_an_answer_about_records() -> None:
    assert _error(ruling(404, b"<html>not found</html>")) is UnavailableError


def test_a_redirect_is_not_followed() -> None:
    assert isinstance(ruling(302), Stop)


# ---------------------------------------------------------------- refusals


def test_the_reason_inside_the_message_is_read() -> None:
    inner = [
        {
            "isValid": False,
            "message": "x was not one of the options",
            "error": "INVALID_OPTION",
            "name": "seg",
        }
    ]
    said = refusal(
        {"category": "VALIDATION_ERROR", "message": f"Property values were not valid: {json.dumps(inner)}"}
    )
    assert (said.code, said.field, said.message) == ("INVALID_OPTION", "seg", "x was not one of the options")


def test_the_reason_beside_the_message_is_read() -> None:
    error = {
        "message": "not an integer",
        "code": "INVALID_INTEGER",
        "context": {"propertyName": ["nps_score"]},
    }
    said = refusal({"category": "VALIDATION_ERROR", "message": "Invalid input", "errors": [error]})
    assert (said.code, said.field, said.message) == ("INVALID_INTEGER", "nps_score", "not an integer")


@pytest.mark.parametrize(
    "body",
    [{}, {"message": None}, {"message": "[{broken"}, {"errors": "none"}, {"errors": [None]}, {"context": 1}],
)
def test_an_error_body_may_lack_every_part(body: dict[str, object]) -> None:
    said = refusal(body)
    assert said.code
    assert said.message


def test_a_missing_property_is_a_matter_of_the_schema_a_bad_value_is_not() -> None:
    assert refusal({"category": "PROPERTY_DOESNT_EXIST"}).schema
    assert not refusal({"category": "INVALID_OPTION"}).schema


def _wait(ruling: object) -> float | None:
    assert isinstance(ruling, Retry), ruling
    return ruling.after


def _error(ruling: object) -> object:
    assert isinstance(ruling, Stop), ruling
    return ruling.error
