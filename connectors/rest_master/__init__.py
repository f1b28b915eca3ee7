"""Customer masters with a REST API: one connector whose behaviour is configured, and Pretectum as a preset of it."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract import Confidence, Connector, Destination, Needs, Tools
from connectors.rest_master.pretectum import PretectumSettings
from connectors.rest_master.settings import RestMasterSettings


def _open(settings: RestMasterSettings, tools: Tools) -> Destination:
    from connectors.rest_master.destination import RestMaster

    return RestMaster(settings, tools)


def _grants(settings: RestMasterSettings, needs: Needs) -> Sequence[str]:
    from connectors.rest_master.access import grants

    return grants(settings, needs)


def _pretectum_grants(settings: PretectumSettings, needs: Needs) -> Sequence[str]:
    from connectors.rest_master.pretectum_access import grants

    return grants(settings, needs)


CONNECTOR = Connector(
    name="rest_master",
    title="REST customer master",
    settings=RestMasterSettings,
    grants=_grants,
    destination=_open,
    objects=("customers",),
    match_fields={"email": "email", "phone": "phone"},
    limits="as the YAML says (limits, budget); 429 is waited for; one call per record written",
    confidence=Confidence.PARTIAL,
    starter="""\
type: rest_master
base_url: https://master.example.com/api
auth: {kind: bearer, token: "${MASTER_TOKEN}"}
objects:
  customers:
    fields:
      email: {type: text, personal: true}
      nps_score: {type: integer, least: 0, most: 10}
      nps_segment: {options: [promoter, passive, detractor]}
      nps_last_survey: {type: date}
      nps_comment: {type: text, most: 500}
find: {path: "/{object}", query: {"{field}": "{value}"}, items: ["@", items]}
read: {by: id, path: "/{object}/{id}"}
update: {method: PATCH, path: "/{object}/{id}"}
""",
)

PRETECTUM = Connector(
    name="pretectum",
    title="Pretectum",
    settings=PretectumSettings,
    grants=_pretectum_grants,
    destination=_open,
    objects=("US Customers",),
    match_fields={"email": "Email", "phone": "Phone"},
    limits="not published: 429 is waited for; one call per record written, and the list of all for versions",
    confidence=Confidence.PARTIAL,
    starter="""\
type: pretectum
client_id: "${PRETECTUM_CLIENT_ID}"
client_secret: "${PRETECTUM_CLIENT_SECRET}"
scope: {business_area: Customer, schema: Individual Customer, dataset: US Customers}
# base_url: "${PRETECTUM_URL}"     # the sandbox's address, to try things out
# dates: {NPS Last Survey: MM/DD/YYYY}     # where the schema names no format that can be read
""",
)
