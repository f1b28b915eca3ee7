"""Whatever is sent to a toy master, it answers in its own words: no call breaks it, nor the page of a record."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_caller import ToyCaller

CUSTOMERS = 20
some = settings(max_examples=60, deadline=None)

scalars = (
    st.none() | st.booleans() | st.integers(-10, 2**40) | st.floats(allow_nan=False) | st.text(max_size=8)
)
keys = st.text(max_size=5) | st.sampled_from(
    (
        *("query", "field", "operator", "value", "pagination", "per_page", "starting_after", "sort", "order"),
        *("name", "model", "data_type", "options", "custom_attributes", "company_id", "from", "into"),
    )
)
anything = st.recursive(
    scalars, lambda of: st.lists(of, max_size=3) | st.dictionaries(keys, of, max_size=4), max_leaves=8
)
OPERATORS = ("=", "!=", "IN", "NIN", ">", "<", "~", "!~", "^", "$", "AND", "OR", ">=")
fields = st.sampled_from(("email", "created_at", "role", "custom_attributes.role", "companies")) | anything
one_filter = st.fixed_dictionaries(
    {"field": fields, "operator": st.sampled_from(OPERATORS) | anything, "value": anything}
)
groups = st.fixed_dictionaries(
    {"operator": st.sampled_from(("AND", "OR")), "value": st.lists(one_filter, max_size=4)}
)
searches = st.fixed_dictionaries(
    {"query": one_filter | groups | anything}, optional={"pagination": anything, "sort": anything}
)


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture(scope="module")
def intercom() -> ToyCaller:
    toy = ToyCaller("intercom", customers=CUSTOMERS)
    toy.headers["authorization"] = f"Bearer {toy.env['INTERCOM_TOKEN']}"
    toy.do("set", per_window=0)
    return toy


@pytest.fixture(scope="module")
def pretectum() -> ToyCaller:
    toy = ToyCaller("pretectum", customers=CUSTOMERS)
    who = {"client_id": toy.env["PRETECTUM_CLIENT_ID"], "client_secret": toy.env["PRETECTUM_CLIENT_SECRET"]}
    toy.headers["authorization"] = toy.call("POST", "/oauth2/token", who).json["access_token"]
    return toy


@pytest.fixture(scope="module")
def mixpanel() -> ToyCaller:
    toy = ToyCaller("mixpanel", customers=CUSTOMERS)
    login = f"{toy.env['MIXPANEL_USER']}:{toy.env['MIXPANEL_SECRET']}"
    toy.headers["authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    toy.do("set", per_second=1_000_000, queries_per_hour=1_000_000)
    return toy


@some
@given(body=searches | anything, object=st.sampled_from(("contacts", "conversations")))
def test_intercom_searches(intercom: ToyCaller, body: object, object: str) -> None:
    assert intercom.call("POST", f"/{object}/search", raw=raw(body)).status in (200, 400)


@some
@given(body=anything, path=st.sampled_from(("/companies", "/data_attributes", "/contacts/merge")))
def test_intercom_takes_or_refuses(intercom: ToyCaller, body: object, path: str) -> None:
    assert intercom.call("POST", path, raw=raw(body)).status in (200, 400, 404, 422)


@some
@given(query=st.text(st.sampled_from('ab"\\:* ANDORNOTé@.'), max_size=25) | st.text(max_size=20))
def test_pretectum_searches(pretectum: ToyCaller, query: str) -> None:
    assert pretectum.call("GET", "/dataobjects/search", query=query).status in (200, 400)


@some
@given(
    values=st.dictionaries(
        st.sampled_from(("NPS Score", "NPS Segment", "NPS Last Survey", "Email Opt Out", "NPS Comment")),
        anything | st.sampled_from(("inf", "nan", "9", 9.5)),
        max_size=4,
    )
)
def test_pretectum_keeps_what_does_not_fit(pretectum: ToyCaller, values: dict[str, object]) -> None:
    thing = pretectum.rows("customers")[0]
    area, schema = "20240110T081500Z-ba-7f31c2", "20240111T090000Z-sc-51d0aa"
    dataset = f"/v1/businessareas/{area}/schemas/{schema}/datasets/20240112T100000Z-ds-c4471b"
    body = {**values, "_version": thing["version"]}
    assert pretectum.call("PUT", f"{dataset}/dataobjects/{thing['id']}", raw=raw(body)).status == 204
    assert pretectum.call("GET", f"{dataset}/dataobjects").status == 200
    pretectum.page(f"/pretectum/record/{thing['id']}")


@some
@given(
    pieces=st.lists(
        st.sampled_from(('properties["a"]', '"x"', "1", "==", "<", "in", "and", "not", "(", ")", "defined"))
        | st.text(max_size=3),
        max_size=8,
    )
)
def test_mixpanel_queries(mixpanel: ToyCaller, pieces: list[str]) -> None:
    asked = urlencode({"where": " ".join(pieces)}).encode()
    path = f"/api/query/engage?project_id={mixpanel.env['MIXPANEL_PROJECT']}"
    assert mixpanel.call("POST", path, raw=asked).status in (200, 400)


@some
@given(
    operations=st.dictionaries(
        st.sampled_from(("$set", "$add", "$append", "$union", "$remove", "$unset", "$set_once", "$delete")),
        anything | st.dictionaries(st.sampled_from("ab"), anything) | st.lists(anything, max_size=2),
        max_size=2,
    )
)
def test_mixpanel_takes_or_refuses(mixpanel: ToyCaller, operations: dict[str, object]) -> None:
    update = {"$token": mixpanel.env["MIXPANEL_TOKEN"], "$distinct_id": "u", **operations}
    assert mixpanel.call("POST", "/engage?strict=1", raw=raw([update])).status in (200, 400)
    mixpanel.page("/look/mixpanel/")
