"""Masters that are nothing like Pretectum: the same connector, told otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pytest
from fake_clock import Notices, fake_tools
from played_vendor import PlayedVendor, playing

from connectors.contract import Lookup, Needs, Verdict
from connectors.rest_master import CONNECTOR
from connectors.rest_master.destination import RestMaster
from connectors.rest_master.settings import RestMasterSettings
from nps.changes import Batch, Cause, Change, Outcome, Rejected, Unknown, Written
from nps.errors import ConfigError, UnavailableError

API = "https://crm.example"
PLAIN: dict[str, Any] = {
    "base_url": API,
    "auth": {"kind": "header", "header": "X-Key", "value": "k-1"},
    "objects": {
        "customers": {
            "fields": {
                "email": {"personal": True},
                "nps": {"type": "integer", "least": 0, "most": 10},
                "day": {"type": "date", "date_format": "DD.MM.YYYY"},
                "happy": {"type": "boolean", "booleans": ["Y", "N"]},
                "tags": {"type": "multi", "options": ["a", "b"]},
                "code": {"writable": False},
            }
        }
    },
    "find": {"path": "/{object}", "query": {"{field}": "{value}"}, "items": ["items", "[@]"]},
    "read": {"by": "id", "path": "/{object}/{id}"},
    "update": {"path": "/{object}/{id}"},
    "limits": {"parallel": 1},
}


@pytest.fixture
def vendor() -> Iterator[PlayedVendor]:
    with playing("https://") as vendor:
        vendor.says = [(200, {"items": []})]
        yield vendor


def opened(**over: Any) -> RestMaster:
    return RestMaster(RestMasterSettings.model_validate(PLAIN | over), fake_tools("master"))


def write(crm: RestMaster, id: str, before: Any = None, **after: Any) -> list[Outcome]:
    changed = Change(object="customers", record_id=id, before=dict.fromkeys(after, before), after=after)
    return list(crm.write(Batch(1, "customers", "one_by_one", (changed,)), lambda handle: None))


def found(crm: RestMaster, *values: str, fields: Sequence[str] = ()) -> list[Any]:
    hits = crm.find("customers", [Lookup("email", "email", values)], fields, {})
    return [(hit.value, hit.record.id, *hit.record.fields.values()) for hit in hits]


def lines(vendor: PlayedVendor) -> list[str]:
    return [f"{one.method} {one.path}" for one in vendor.asked]


# ---------------------------------------------------------------- as the settings say


def test_the_starter_is_a_working_file() -> None:
    from ruamel.yaml import YAML

    given = YAML(typ="safe").load(CONNECTOR.starter)
    assert given.pop("type") == "rest_master"
    RestMasterSettings.model_validate(given)


def test_fields_that_are_described_here_need_no_call(vendor: PlayedVendor) -> None:
    crm = opened()
    fields = crm.describe("customers").fields
    assert fields["tags"].options == ("a", "b")
    assert not fields["code"].writable
    assert crm.canonical("customers", "day")(date(2026, 3, 2)) == "02.03.2026"
    assert crm.canonical("customers", "happy")(True) == "Y"
    assert crm.typed("customers", "happy")("N") is False
    assert crm.canonical("customers", "tags")(("b", "a")) == ["a", "b"]
    assert vendor.asked == []


def test_a_plain_master_is_searched_by_a_parameter_and_changed_by_patch(vendor: PlayedVendor) -> None:
    vendor.at = {
        "/customers": [(200, {"items": [{"id": 7, "email": "O'Brien+x@acme.example", "nps": "6"}]})],
        "/customers/7": [(200, None)],
    }
    crm = opened()
    assert found(crm, "o'brien+x@acme.example", fields=["nps"]) == [("o'brien+x@acme.example", "7", 6)]
    assert vendor.asked[0].params == {"email": "o'brien+x@acme.example"}
    assert vendor.asked[0].headers["x-key"] == "k-1"
    assert write(crm, "7", nps=9, tags=["a"]) == [Written("7")]
    assert (vendor.asked[1].method, vendor.asked[1].json) == ("PATCH", {"nps": 9, "tags": ["a"]})


def test_a_reply_that_is_one_record_is_a_list_of_one(vendor: PlayedVendor) -> None:
    vendor.at = {"/customers": [(200, {"id": "7", "email": "a@acme.example"})]}
    assert found(opened(), "a@acme.example") == [("a@acme.example", "7")]


def test_an_id_stays_within_its_segment_of_the_path(vendor: PlayedVendor) -> None:
    vendor.says = [(404, {})]
    assert opened().get("customers", ["../admin?x=1#y"], [], {}) == []
    assert lines(vendor) == ["GET /customers/..%2Fadmin%3Fx%3D1%23y"]


@pytest.mark.parametrize("typed", [".", "..", " .. ", " "])
def test_what_would_lead_to_another_path_is_nobodys_id(vendor: PlayedVendor, typed: str) -> None:
    """A respondent's own id may come from a link that anybody can edit: it must stop nobody's run."""
    assert opened().find("customers", [Lookup("id", "external_id", [typed])], [], {}) == []
    assert lines(vendor) == []


def test_an_id_in_other_letters_is_nobodys_and_stops_nothing(vendor: PlayedVendor) -> None:
    vendor.at = {"/customers/AB": [(200, {"id": "ab"})], "/customers/7": [(200, {"id": "7"})]}
    hits = opened().find("customers", [Lookup("id", "external_id", ["AB", "7"])], [], {})
    assert [hit.value for hit in hits] == ["7"]


def test_a_search_by_a_posted_body_is_asked_in_its_own_shape(vendor: PlayedVendor) -> None:
    find = {
        "method": "POST",
        "path": "/{object}/query",
        "body": {"filter": [{"name": "{field}", "any": "{terms}"}], "limit": 50},
        "items": "data",
        "term": "{value}",
        "join": ",",
    }
    vendor.says = [
        (200, {"data": [{"id": "1", "email": "a@x.example"}, {"id": "2", "email": "b@x.example"}]})
    ]
    assert found(opened(find=find), "a@x.example", "b@x.example") == [
        ("a@x.example", "1"),
        ("b@x.example", "2"),
    ]
    [asked] = vendor.asked
    assert asked.json == {"filter": [{"name": "email", "any": "a@x.example,b@x.example"}], "limit": 50}


def test_a_quote_in_a_posted_value_stays_a_value(vendor: PlayedVendor) -> None:
    find = {"method": "POST", "path": "/q", "body": {"email": "{value}"}, "items": "data"}
    vendor.says = [(200, {"data": []})]
    assert found(opened(find=find), 'a"},{"x@x.example') == []
    assert vendor.asked[0].json == {"email": 'a"},{"x@x.example'}


def test_fields_may_stand_deeper_in_records_and_updates(vendor: PlayedVendor) -> None:
    crm = opened(
        record={"id": "data.id", "fields": "data.attributes"},
        update={
            "path": "/{object}/{id}",
            "under": "data.attributes",
            "also": {"data": {"type": "{object}", "id": "{id}"}},
            "empty": "text",
        },
    )
    vendor.says = [(200, {"data": {"id": "7", "attributes": {"nps": 3}}})]
    [record] = crm.get("customers", ["7"], ["nps"], {})
    assert record.fields == {"nps": 3}
    assert write(crm, "7", nps=None) == [Written("7")]
    assert vendor.asked[-1].json == {"data": {"type": "customers", "id": "7", "attributes": {"nps": ""}}}


# ---------------------------------------------------------------- versions in headers


ETAGGED = {"update": {"path": "/{object}/{id}", "version": "if_match"}}


def test_an_etag_is_read_named_and_learnt_anew(vendor: PlayedVendor) -> None:
    crm = opened(**ETAGGED)
    vendor.at = {"/customers/7": [(200, {"id": "7", "nps": 6}, {"ETag": '"v1"'})]}
    crm.get("customers", ["7"], [], {})
    vendor.at = {"/customers/7": [(204, "", {"ETag": '"v2"'})]}
    assert write(crm, "7", 6, nps=9) == [Written("7")]
    assert write(crm, "7", 9, nps=10) == [Written("7")]
    assert [one.headers["if-match"] for one in vendor.sent("PATCH")] == ['"v1"', '"v2"']


def test_an_etag_that_moved_is_read_again_and_named(vendor: PlayedVendor) -> None:
    crm = opened(**ETAGGED)
    vendor.at = {
        "/customers/7": [
            (200, {"id": "7", "nps": 6}, {"ETag": '"v1"'}),
            (412, {}),
            (200, {"id": "7", "nps": 6}, {"ETag": '"v5"'}),
            (204, ""),
        ]
    }
    assert write(crm, "7", 6, nps=9) == [Written("7")]
    assert [one.headers["if-match"] for one in vendor.sent("PATCH")] == ['"v1"', '"v5"']


def test_a_record_that_shows_no_version_where_one_is_asked_for_is_a_matter_of_configuration(
    vendor: PlayedVendor,
) -> None:
    vendor.says = [(200, {"id": "7", "nps": 6})]
    with pytest.raises(ConfigError, match=r"record\.version"):
        write(opened(**ETAGGED), "7", 6, nps=9)


def test_without_versions_a_conflict_is_tried_again_by_itself(vendor: PlayedVendor) -> None:
    vendor.says = [(409, {"message": "the record is locked"})]
    [outcome] = write(opened(), "7", nps=9)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.cause) == ("status_409", Cause.TRANSIENT)


def test_a_token_of_a_page_is_handed_back_as_it_came(vendor: PlayedVendor) -> None:
    crm = opened(**listing(kind="cursor", param="c", next="next"))
    vendor.says = [(200, {"items": people(1), "next": "{object}&x=1"}), (200, {"items": people(2)})]
    assert everybody(crm) == ["1", "2"]
    assert vendor.asked[1].params == {"c": "{object}&x=1"}


# ---------------------------------------------------------------- statuses


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, Written),
        (204, Written),
        (207, Unknown),
        (404, Rejected),
        (410, Rejected),
        (422, Rejected),
        (413, Rejected),
    ],
)
def test_each_status_of_an_update_has_one_outcome(
    vendor: PlayedVendor, status: int, kind: type[Outcome]
) -> None:
    vendor.says = [(status, "" if status == 204 else {"error": {"message": "why"}})]
    [outcome] = write(opened(), "7", nps=9)
    assert isinstance(outcome, kind)


@pytest.mark.parametrize("status", [405, 501, 301])
def test_what_speaks_against_every_update_is_a_matter_of_configuration(
    vendor: PlayedVendor, status: int
) -> None:
    vendor.says = [(status, {})]
    with pytest.raises((ConfigError, UnavailableError)):
        write(opened(), "7", nps=9)


def test_a_page_of_a_proxy_is_no_success(vendor: PlayedVendor) -> None:
    vendor.says = [(200, "<html>Please sign in</html>", {"Content-Type": "text/html"})]
    [outcome] = write(opened(), "7", nps=9)
    assert isinstance(outcome, Unknown)


def test_a_refused_question_names_the_setting(vendor: PlayedVendor) -> None:
    vendor.says = [(400, {"errors": [{"detail": "unknown filter email"}]})]
    with pytest.raises(ConfigError, match=r"400 \(unknown filter email\); check find"):
        found(opened(), "a@x.example")


def test_a_reply_that_an_expression_does_not_fit_is_told_by_its_setting(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"id": "7"})]
    read = {"by": "id", "path": "/{object}/{id}", "item": "max_by(found, &id)"}
    with pytest.raises(ConfigError, match=r"read\.item"):
        opened(read=read).get("customers", ["7"], [], {})
    [kept] = opened(record={"gone": "contains(state, 'deleted')"}).get("customers", ["7"], [], {})
    assert kept.id == "7"


def test_another_record_than_the_one_asked_for_is_no_answer(vendor: PlayedVendor) -> None:
    vendor.says = [(200, {"id": "8"})]
    with pytest.raises(ConfigError, match="another record"):
        opened().get("customers", ["7"], [], {})


# ---------------------------------------------------------------- lists


def listing(**pages: Any) -> dict[str, Any]:
    return {"list": {"path": "/all", "items": "items", "pages": pages}}


def everybody(crm: RestMaster) -> list[str]:
    return [record.id for page in crm.records("customers", [], {}) for record in page]


def people(*ids: int) -> list[dict[str, Any]]:
    return [{"id": id} for id in ids]


def test_a_list_goes_on_by_a_link_on_the_same_host_and_by_no_other(vendor: PlayedVendor) -> None:
    crm = opened(**listing(kind="next_link", next="links.next"))
    second = {"items": people(3), "links": {"next": None}}
    vendor.at = {
        "/all": [(200, {"items": people(1, 2), "links": {"next": f"{API}/more?c=2"}})],
        "/more": [(200, second)],
    }
    assert everybody(crm) == ["1", "2", "3"]
    vendor.at = {"/all": [(200, {"items": people(1), "links": {"next": "https://evil.example/more"}})]}
    with pytest.raises(UnavailableError, match="another host"):
        everybody(crm)
    assert all("evil" not in one.path for one in vendor.asked)


def test_a_list_goes_on_by_numbers_of_pages(vendor: PlayedVendor) -> None:
    crm = opened(**listing(kind="page", param="p", size_param="n", size=2))
    vendor.says = [(200, {"items": people(1, 2)}), (200, {"items": people(3)}), (200, {"items": []})]
    assert everybody(crm) == ["1", "2", "3"]
    assert [one.params for one in vendor.asked][:2] == [{"p": "1", "n": "2"}, {"p": "2", "n": "2"}]


def test_only_is_compared_with_live_values(vendor: PlayedVendor) -> None:
    crm = opened(**listing(kind="none"))
    rows = [{"id": 1, "nps": "9", "happy": "Y"}, {"id": 2, "nps": 9, "happy": False}, {"id": 3}]
    vendor.says = [(200, {"items": rows})]
    for only, expected in (
        ({"nps": 9}, ["1", "2"]),
        ({"nps": ["9", 3]}, ["1", "2"]),
        ({"happy": True}, ["1"]),
        ({"happy": "N"}, ["2"]),
        ({"nps": None}, ["3"]),
        ({"id": "3"}, ["3"]),
    ):
        assert [one.id for page in crm.records("customers", [], only) for one in page] == expected


def test_a_search_may_find_records_by_their_ids(vendor: PlayedVendor) -> None:
    find = {"path": "/s", "query": {"q": "{terms}"}, "items": "items", "term": "{field}={value}", "join": "|"}
    crm = opened(find=find, read={"by": "search", "field": "key"})
    vendor.says = [(200, {"items": [{"id": "1", "nps": 3}, {"id": "11", "nps": 4}]})]
    assert [(one.id, one.fields) for one in crm.get("customers", ["1", "2"], ["nps"], {})] == [
        ("1", {"nps": 3})
    ]
    assert vendor.asked[0].params == {"q": "key=1|key=2"}


# ---------------------------------------------------------------- access


def test_an_update_is_not_tried_where_it_might_create_somebody(vendor: PlayedVendor) -> None:
    needs = Needs(read={"customers": frozenset({"email"})}, write={"customers": frozenset({"nps"})})
    told = {grant.permission: grant.verdict for grant in opened().access(needs)}
    assert told["update customers"] is Verdict.UNTESTED
    assert {one.method for one in vendor.asked} <= {"GET"}


def test_nothing_that_is_told_names_a_customer(vendor: PlayedVendor) -> None:
    notices = Notices()
    given = PLAIN | listing(kind="none")
    given |= {"find": {"path": "/s", "query": {"q": "{value}"}, "items": "items", "refuse": "*"}}
    crm = RestMaster(RestMasterSettings.model_validate(given), fake_tools("master", notice=notices))
    vendor.says = [(200, {"items": [{"id": "1", "email": "a*@x.example"}]})]
    assert found(crm, "a*@x.example") == [("a*@x.example", "1")]
    assert notices == [("rest_master_compared_with_all", {"object": "customers", "field": "email"})]
