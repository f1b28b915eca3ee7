"""What a YAML file needs is read from the file alone: types, options, lengths, keys, and whom records belong to."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders_config import config_of

from connectors.provisioning import Wanted, WantedField, WantedList, WantedObject
from nps.schema import FieldType
from npsync.provisioning.wanted import everything

FILE = """\
connections:
  crm:
    type: salesforce
    login_host: acme.my.salesforce.com
    auth: {flow: client_credentials, client_id: "${SF_ID}", client_secret: "${SF_SECRET}"}
  mail:
    type: wootric
    client_id: "${WOOTRIC_ID}"
    client_secret: "${WOOTRIC_SECRET}"
people:
  crm:
    object: Contact
    match:
      - {response: email, record: Email}
    account: {object: Account, by: AccountId}
    owner: OwnerId
surveys:
  nps:
    at: [mail]
sync:
  a:
    every: 15 minutes
    survey: nps
    to: crm
    fields:
      FIELD__c: MAPPING
"""
AFTER = """\
    account:
      places: 1
      fields: {NPS__c: nps, NPS_Responses__c: responses, NPS_Coverage__c: coverage, Worst__c: lowest_score}
    history:
      object: NPS_Response__c
      key: Response_Key__c
      fields:
        Score__c: score
        Segment__c: segment
        Person__c: record.id
        Firm__c: account_id
      withdrawn: {Segment__c: withdrawn, Withdrawn__c: true}
    follow_up:
      - where: segment == "detractor"
        task: {subject: Call}
      - where: segment == "promoter"
        add_to: {list: NPS promoters}
"""


def wanted(folder: Path, mapping: str = "score", after: str = "") -> list[Wanted]:
    text = FILE.replace("MAPPING", mapping) + after
    return everything(config_of(text, folder), "crm")


@pytest.mark.parametrize(
    ("mapping", "type", "told"),
    [
        ("score", FieldType.INTEGER, {"digits": 3}),
        ("segment", FieldType.CHOICE, {"options": ("promoter", "passive", "detractor")}),
        ("answered_at", FieldType.DATETIME, {}),
        ("{from: answered_at, as: date}", FieldType.DATE, {}),
        ("comment", FieldType.TEXT, {"long": True, "length": None}),
        ("{from: comment, truncate: 255}", FieldType.TEXT, {"long": True, "length": 255}),
        ("channel", FieldType.TEXT, {"long": False}),
        ('{template: "{score} by {channel}"}', FieldType.TEXT, {"long": True}),
        ("{value: true}", FieldType.BOOLEAN, {}),
        ("properties.plan", None, {}),
        (
            "{from: properties.plan, map: {pro: Pro, free: Free}}",
            FieldType.CHOICE,
            {"options": ("Pro", "Free")},
        ),
        # An expression is tried out with the scores there are.
        ('{expr: \'score > 6 ? "fine" : "bad"\'}', FieldType.TEXT, {"options": ()}),
        ("{expr: 'previous_score == null ? 0 : score - previous_score'}", FieldType.INTEGER, {}),
        ("{expr: 'score > 6'}", FieldType.BOOLEAN, {}),
        ("{expr: 'score > 6 ? \"fine\" : 3'}", None, {}),
    ],
)
def test_a_mapping_says_what_its_field_will_hold(
    tmp_path: Path, mapping: str, type: FieldType | None, told: dict[str, object]
) -> None:
    [one] = wanted(tmp_path, mapping)
    assert isinstance(one, WantedField)
    assert (one.object, one.name, one.type) == ("Contact", "FIELD__c", type)
    assert {name: getattr(one, name) for name in told} == told


def test_what_follows_an_answer_is_wanted_too(tmp_path: Path) -> None:
    found = wanted(tmp_path, after=AFTER)
    objects = [one for one in found if isinstance(one, WantedObject)]
    fields = {f"{one.object}.{one.name}": one for one in found if isinstance(one, WantedField)}
    assert [(one.object, one.label, one.belongs_to) for one in objects] == [
        ("NPS_Response__c", "NPS response", ("Contact", "Account"))
    ]
    assert found[0] is objects[0], "an object comes before its fields"
    key = fields["NPS_Response__c.Response_Key__c"]
    assert (key.unique, key == objects[0].key) == (True, True)
    assert fields["NPS_Response__c.Person__c"].references == "Contact"
    assert fields["NPS_Response__c.Firm__c"].references == "Account"
    assert fields["NPS_Response__c.Segment__c"].options == ("promoter", "passive", "detractor", "withdrawn")
    assert fields["NPS_Response__c.Withdrawn__c"].type is FieldType.BOOLEAN
    assert fields["Task.NPS_Event_Id__c"].unique
    figures = {name: fields[f"Account.{name}"] for name in ("NPS__c", "NPS_Responses__c", "NPS_Coverage__c")}
    assert {name: (one.type, one.digits, one.decimals, one.percent) for name, one in figures.items()} == {
        "NPS__c": (FieldType.NUMBER, 3, 1, False),
        "NPS_Responses__c": (FieldType.INTEGER, 9, None, False),
        "NPS_Coverage__c": (FieldType.NUMBER, 3, 1, True),
    }
    assert fields["Account.NPS__c"].help == (
        "NPS of the account's people, survey nps. Answers of 365 days. Written by npsync (sync a)."
    )
    assert WantedList("Contact", "NPS promoters") in found
