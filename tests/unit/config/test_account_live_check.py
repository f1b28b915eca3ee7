"""`npsync check` and `npsync connect` of what accounts show: fields that hold the figures, permissions to read and
write them."""

from __future__ import annotations

from pathlib import Path

from builders_config import config_of, yaml

from connectors.contract import Needs
from nps.errors import ConfigError
from nps.schema import FieldSchema, FieldType, ObjectSchema
from npsync.checking.access import needs_of
from npsync.checking.live import check
from npsync.config import Config

TEXT, INTEGER, NUMBER, MOMENT = FieldType.TEXT, FieldType.INTEGER, FieldType.NUMBER, FieldType.DATETIME
FIELDS = {
    "Contact": {"Email": TEXT, "NPS__c": INTEGER, "AccountId": TEXT},
    "Account": {"Name": TEXT, "NPS__c": INTEGER, "Margin__c": NUMBER, "Last__c": MOMENT, "Note__c": TEXT},
}


class Crm:
    def __init__(self, found_by: frozenset[str] | None = None) -> None:
        self.found_by = found_by

    def describe(self, object: str) -> ObjectSchema:
        if object not in FIELDS:
            raise ConfigError(f'there is no object "{object}"')
        fields = {
            name: FieldSchema(name=name, label=name, type=type, writable=True)
            for name, type in FIELDS[object].items()
        }
        return ObjectSchema(object, fields, found_by=self.found_by if object == "Contact" else None)

    def canonical(self, object: str, field: str):
        return lambda value: value


class Tool:
    def access(self, needs: Needs):
        return []


class Opened:
    def __init__(self, crm: Crm) -> None:
        self.crm = crm

    def destination(self, name: str) -> Crm:
        return self.crm

    def source(self, name: str) -> Tool:
        return Tool()


def config(folder: Path, account: str) -> Config:
    text = yaml("NPS__c: score", sync="account:\n  fields: {NPS__c: nps}\n").replace(
        "  fields: {NPS__c: nps}\n", account
    )
    link = "    account: {object: Account, by: AccountId}\n"
    return config_of(text.replace("    object: Contact\n", f"    object: Contact\n{link}"), folder)


def test_a_report_reads_its_fields_beside_the_figures(tmp_path: Path) -> None:
    told = config(tmp_path, "  fields: {NPS__c: nps, Margin__c: margin}\n")
    by = config_of(Path(told.file).read_text() + "report: {by: {plan: account.Name}}\n", tmp_path)
    assert "Name" in needs_of(by, "crm").read["Account"]


def found(folder: Path, account: str, crm: Crm | None = None) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in check(config(folder, account), Opened(crm or Crm()))]  # type: ignore[arg-type]


def test_figures_that_fit_have_no_problem(tmp_path: Path) -> None:
    said = "{template: '{nps} of {account.Name}'}"
    fields = f"{{NPS__c: nps, Margin__c: margin, Last__c: last_answered_at, Note__c: {said}}}"
    assert found(tmp_path, f"  fields: {fields}\n") == []


def test_what_the_account_lacks_or_cannot_hold_is_told_at_its_line(tmp_path: Path) -> None:
    fields = "{Nope__c: nps, NPS__c: last_answered_at, Note__c: account.Region__c}"
    assert found(tmp_path, f"  fields: {fields}\n") == [
        ("missing_field", "sync.a.account.fields.Nope__c"),
        ("type_mismatch", "sync.a.account.fields.NPS__c"),
        ("missing_field", "sync.a.account.fields.Note__c"),
    ]


def test_with_decimals_a_whole_number_field_does_not_hold_the_nps(tmp_path: Path) -> None:
    told = found(tmp_path, "  places: 1\n      fields: {NPS__c: nps, Margin__c: margin}\n")
    assert told == [("type_mismatch", "sync.a.account.fields.NPS__c")]


def test_coverage_where_people_are_not_found_by_their_account_would_always_be_empty(tmp_path: Path) -> None:
    told = found(tmp_path, "  fields: {NPS__c: coverage}\n", Crm(frozenset({"Email"})))
    assert told == [("not_countable", "sync.a.account.fields.NPS__c")]


def test_the_accounts_are_to_be_read_and_their_fields_written(tmp_path: Path) -> None:
    needs = needs_of(config(tmp_path, "  fields: {Margin__c: margin, Note__c: account.Name}\n"), "crm")
    assert needs.read["Contact"] == {"Email", "NPS__c", "AccountId"}
    assert needs.read["Account"] == {"Margin__c", "Note__c", "Name"}
    assert needs.write["Account"] == {"Margin__c", "Note__c"}
    assert needs.types["Account"] == {"Margin__c": INTEGER}


def test_an_amount_that_is_no_number_is_told_at_its_line(tmp_path: Path) -> None:
    about_accounts = Path(config(tmp_path, "  fields: {NPS__c: nps}\n").file).read_text()

    def told(amount: str) -> list[str]:
        by = config_of(f"{about_accounts}report:\n  amount: {amount}\n", tmp_path)
        return [f"{each.line}: {each.code}: {each.message}" for each in check(by, Opened(Crm()))]

    line = len(about_accounts.splitlines()) + 2
    assert told("account.Name") == [f"{line}: type_mismatch: Account.Name shows text, an amount is a number"]
    assert told("{crm: account.Last__c}") == [
        f"{line}: type_mismatch: Account.Last__c shows a time, an amount is a number"
    ]
    assert told("record.Email") == [f"{line}: type_mismatch: Contact.Email shows text, an amount is a number"]
    assert told("account.Margin__c") == told("record.NPS__c") == []
