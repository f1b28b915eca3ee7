"""Writing to a HubSpot that answers oddly: what the toy HubSpot does not do by itself."""

from __future__ import annotations

import pytest
from scripted_hubspot import (
    PROPERTIES,
    Asked,
    Said,
    answered,
    change,
    definition,
    not_found,
    opened,
    option,
    row,
    scripted_hubspot,
    validation_error,
    write,
)

from nps.changes import Batch, Deferred, Rejected, Unknown, Written
from nps.errors import ConfigError


def test_a_merge_between_reading_and_writing_waits_for_the_next_run() -> None:
    def script(asked: Asked) -> Said:
        if asked.path.endswith("/update"):
            return answered(row("1"))  # 200, and nothing about record 2
        return answered(row("9", hs_merged_object_ids="2"))

    with scripted_hubspot(script) as server:
        first, second = write(opened(server), change("1", nps_score="9"), change("2", nps_score="9"))
    assert first == Written("1")
    assert isinstance(second, Deferred)
    assert "9" in second.reason


def test_a_deletion_between_reading_and_writing_is_a_rejection() -> None:
    def script(asked: Asked) -> Said:
        if asked.path.endswith("/update"):
            return answered(row("1"))
        return answered(errors=[not_found("2")])

    with scripted_hubspot(script) as server:
        outcomes = write(opened(server), change("1", nps_score="9"), change("2", nps_score="9"))
    assert [type(one) for one in outcomes] == [Written, Rejected]


def test_when_the_rereading_fails_too_what_is_known_is_kept() -> None:
    def script(asked: Asked) -> Said:
        return answered(row("1")) if asked.path.endswith("/update") else Said({}, status=403)

    with scripted_hubspot(script) as server:
        outcomes = write(opened(server), change("1", nps_score="9"), change("2", nps_score="9"))
    assert [type(one) for one in outcomes] == [Written, Unknown]


def test_an_option_removed_overnight_rejects_its_records_and_spares_the_others() -> None:
    definitions = list(PROPERTIES)

    def script(asked: Asked) -> Said:
        if "/properties/" in asked.path:
            return Said({"results": definitions})
        if any(one["properties"].get("nps_segment") == "detractor" for one in asked.json["inputs"]):
            return validation_error("nps_segment", "detractor was not one of the options")
        return answered(*(row(one["id"]) for one in asked.json["inputs"]))

    with scripted_hubspot(answered()) as server:
        server.script = script
        hubspot = opened(server)
        hubspot.describe("contacts")
        definitions[6] = definition("nps_segment", "enumeration", options=[option("promoter")])
        wanted = [
            change(str(n), nps_segment="detractor" if n % 10 == 0 else "promoter") for n in range(1, 101)
        ]
        outcomes = write(hubspot, *wanted)
        assert sum(isinstance(one, Rejected) for one in outcomes) == 10
        assert sum(isinstance(one, Written) for one in outcomes) == 90
        assert len(server.posts("/batch/update")) == 2


def test_a_property_deleted_overnight_stops_the_run_with_its_name() -> None:
    definitions = list(PROPERTIES)

    def script(asked: Asked) -> Said:
        if "/properties/" in asked.path:
            return Said({"results": definitions})
        return validation_error("nps_comment", "does not exist", code="SOMETHING_NEW")

    with scripted_hubspot(answered()) as server:
        server.script = script
        hubspot = opened(server)
        hubspot.describe("contacts")
        del definitions[-1]
        with pytest.raises(ConfigError, match="nps_comment"):
            write(hubspot, *(change(str(n), nps_comment="x") for n in range(1, 101)))
        assert len(server.posts("/batch/update")) == 1


def test_two_changes_of_one_record_are_one_input_and_two_outcomes() -> None:
    with scripted_hubspot(answered(row("1"))) as server:
        outcomes = write(opened(server), change("1", nps_score="9"), change("1", nps_comment="good"))
        assert outcomes == [Written("1"), Written("1")]
        (sent,) = server.posts("/batch/update")[0]["inputs"]
        assert sent["properties"] == {"nps_score": "9", "nps_comment": "good"}


def test_a_clearing_is_the_empty_text() -> None:
    with scripted_hubspot(answered(row("1"))) as server:
        write(opened(server), change("1", nps_comment=None))
        assert server.posts("/batch/update")[0]["inputs"][0]["properties"] == {"nps_comment": ""}


def test_a_batch_is_one_call_and_leaves_no_handle() -> None:
    remembered: list[str] = []
    with scripted_hubspot(answered(row("1"))) as server:
        hubspot = opened(server)
        batch = Batch(1, "contacts", "batch", (change("1", nps_score="9"),))
        list(hubspot.write(batch, remembered.append))
        assert remembered == []
        assert hubspot.resume(batch, "anything") is None
        (way,) = hubspot.ways("contacts", 250)
        assert (way.api, way.batch, way.cost(250), way.cost(200)) == ("batch", 100, 3, 2)
