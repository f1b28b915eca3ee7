"""What an administrator makes in the toy Salesforce: fields, objects, and who may see them."""

import io
import zipfile
from urllib.parse import quote

import pytest
from salesforce_toy import SignedIn, error
from toy_caller import ToyCaller

SCORE = {"label": "NPS Score", "type": "Number", "precision": 2, "scale": 0, "inlineHelpText": "0 to 10"}
SEGMENT = {
    "label": "NPS Segment",
    "type": "Picklist",
    "valueSet": {
        "restricted": True,
        "valueSetDefinition": {
            "sorted": False,
            "value": [{"fullName": one, "label": one, "default": False} for one in ("Promoter", "Detractor")],
        },
    },
}
KEY = {"label": "Event", "type": "Text", "length": 255, "externalId": True, "unique": True}
NAMESPACE = "http://soap.sforce.com/2006/04/metadata"


@pytest.fixture
def toy():
    opened = ToyCaller("salesforce", customers=20, ugly=0.2)
    opened.do("strip")
    return opened


@pytest.fixture
def crm(toy):
    """The integration, which may change no setup."""
    return SignedIn(toy)


@pytest.fixture
def admin(toy):
    return SignedIn(toy, ("SF_ADMIN_ID", "SF_ADMIN_SECRET"))


def make(by, name, told):
    return by.call("POST", "/tooling/sobjects/CustomField/", {"FullName": name, "Metadata": told})


def fields(by, object):
    return {one["name"]: one for one in by.call("GET", f"/sobjects/{object}/describe").json["fields"]}


def grant(admin, *names, edit=True, to="005"):
    """A permission set for the integration that lets it see these fields."""
    set = admin.made("PermissionSet", Name=f"NPS_{names[0].replace('.', '_')}", Label="NPS")
    user = admin.some("User", "Name = 'npsync Integration'")["Id"]
    admin.made("PermissionSetAssignment", PermissionSetId=set, AssigneeId=user)
    for name in names:
        admin.made(
            "FieldPermissions",
            ParentId=set,
            SobjectType=name.partition(".")[0],
            Field=name,
            PermissionsRead=True,
            PermissionsEdit=edit,
        )
    return set


def query(by, soql):
    return by.call("GET", f"/tooling/query/?q={quote(soql)}")


def test_a_stripped_org_has_nothing_about_surveys(crm):
    assert [name for name in fields(crm, "Contact") if "NPS" in name or "CSAT" in name] == []
    assert "NPS_Event_Id__c" not in fields(crm, "Task")
    assert crm.call("GET", "/sobjects/NPS_Response__c/describe").status == 404
    assert crm.query("SELECT Id FROM PermissionSet") == []
    assert "Customer_Id__c" in fields(crm, "Contact")


def test_a_new_field_is_visible_to_nobody_until_it_is_granted(crm, admin):
    made = make(admin, "Contact.NPS_Score__c", SCORE)
    assert (made.status, made.json["success"]) == (201, True)
    assert "NPS_Score__c" not in fields(crm, "Contact")
    contact = crm.some("Contact")["Id"]
    unseen = crm.call("PATCH", f"/sobjects/Contact/{contact}", {"NPS_Score__c": 9})
    assert error(unseen) == (400, "INVALID_FIELD")
    assert error(crm.call("GET", "/query?q=SELECT+NPS_Score__c+FROM+Contact")) == (400, "INVALID_FIELD")
    set = grant(admin, "Contact.NPS_Score__c", edit=False)
    seen = fields(crm, "Contact")["NPS_Score__c"]
    assert (seen["label"], seen["type"], seen["inlineHelpText"]) == ("NPS Score", "double", "0 to 10")
    assert seen["updateable"] is False
    read_only = crm.call("PATCH", f"/sobjects/Contact/{contact}", {"NPS_Score__c": 9})
    assert error(read_only) == (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
    (granted,) = admin.query(f"SELECT Id FROM FieldPermissions WHERE ParentId = '{set}'")
    admin.call("PATCH", f"/sobjects/FieldPermissions/{granted['Id']}", {"PermissionsEdit": True})
    assert crm.call("PATCH", f"/sobjects/Contact/{contact}", {"NPS_Score__c": 9}).status == 204
    assert crm.query(f"SELECT NPS_Score__c FROM Contact WHERE Id = '{contact}'") == [{"NPS_Score__c": 9}]
    assert "NPS_Score__c" not in fields(admin, "Contact"), "the administrator has no such permission set"


def test_a_field_of_contacts_is_there_on_person_accounts_as_well(toy, crm, admin):
    make(admin, "Contact.NPS_Score__c", SCORE)
    grant(admin, "Contact.NPS_Score__c")
    person = toy.add("Account", LastName="Person")
    assert crm.call("PATCH", f"/sobjects/Account/{person}", {"NPS_Score__pc": 3}).status == 204
    contact = crm.query(f"SELECT PersonContactId FROM Account WHERE Id = '{person}'")[0]["PersonContactId"]
    assert crm.query(f"SELECT NPS_Score__c FROM Contact WHERE Id = '{contact}'") == [{"NPS_Score__c": 3}]


@pytest.mark.parametrize(
    ("name", "told", "code"),
    [
        ("Contact.NPS_Score", SCORE, "FIELD_INTEGRITY_EXCEPTION"),
        ("Kontakt.NPS_Score__c", SCORE, "INVALID_CROSS_REFERENCE_KEY"),
        ("Contact.X__c", {"type": "Number", "precision": 2, "scale": 0}, "REQUIRED_FIELD_MISSING"),
        ("Contact.X__c", {"type": "Number", "label": "X"}, "REQUIRED_FIELD_MISSING"),
        ("Contact.X__c", {"type": "Text", "label": "X", "length": 300}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Contact.X__c", {"type": "Picklist", "label": "X"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Contact.X__c", {"type": "Date", "label": "X", "unique": True}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Contact.X__c", {"type": "LongTextArea", "label": "X", "length": 9000}, "REQUIRED_FIELD_MISSING"),
        (
            "Contact.X__c",
            {"type": "Lookup", "label": "X", "referenceTo": "Account"},
            "REQUIRED_FIELD_MISSING",
        ),
        ("Contact.X__c", {"type": "Sound", "label": "X"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Contact.X__c", {"type": "Date", "label": "X" * 41}, "STRING_TOO_LONG"),
    ],
)
def test_a_definition_that_does_not_fit_together_is_refused(admin, name, told, code):
    assert error(make(admin, name, told)) == (400, code)


def test_a_field_that_exists_is_refused_in_either_of_two_words(toy, admin):
    make(admin, "Contact.NPS_Segment__c", SEGMENT)
    assert error(make(admin, "Contact.NPS_Segment__c", SEGMENT)) == (400, "DUPLICATE_DEVELOPER_NAME")
    toy.do("settings", duplicate_field="DUPLICATE_VALUE")
    assert error(make(admin, "Contact.nps_segment__c", SEGMENT)) == (400, "DUPLICATE_VALUE")


def test_the_integration_may_make_nothing(crm):
    assert error(make(crm, "Contact.NPS_Score__c", SCORE)) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    assert error(crm.create("PermissionSet", Name="X", Label="X"))[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
    assert query(crm, "SELECT Id FROM CustomField").status == 403


def test_a_field_is_found_read_and_removed_by_its_id(admin):
    made = make(admin, "Contact.NPS_Segment__c", SEGMENT).json["id"]
    where = "WHERE DeveloperName = 'NPS_Segment' AND TableEnumOrId = 'Contact'"
    (found,) = query(admin, f"SELECT Id, FullName, Metadata FROM CustomField {where}").json["records"]
    assert (found["Id"], found["FullName"], found["Metadata"]) == (made, "Contact.NPS_Segment__c", SEGMENT)
    too_many = query(admin, "SELECT Id, FullName FROM CustomField WHERE TableEnumOrId = 'Contact'")
    assert error(too_many) == (400, "MALFORMED_QUERY")
    every = query(admin, "SELECT Id, CreatedById FROM CustomField WHERE TableEnumOrId = 'Contact'").json
    assert every["totalSize"] > 1
    one = f"/tooling/sobjects/CustomField/{made}"
    assert admin.call("GET", one).json["Metadata"]["type"] == "Picklist"
    assert admin.call("DELETE", one).status == 204
    assert admin.call("GET", one).status == 404
    assert make(admin, "Contact.NPS_Segment__c", SEGMENT).status == 201


def test_an_event_key_makes_tasks_upsertable(crm, admin):
    made = make(admin, "Activity.NPS_Event_Id__c", KEY)
    assert made.status == 201, made.body
    grant(admin, "Task.NPS_Event_Id__c")
    record = {"NPS_Event_Id__c": "a/1", "Subject": "Call"}
    for _ in range(2):
        assert crm.many("PATCH", "Task", record, to="/Task/NPS_Event_Id__c") == [None]
    assert len(crm.query("SELECT Id FROM Task WHERE NPS_Event_Id__c = 'a/1'")) == 1


HISTORY = """<deploymentStatus>Deployed</deploymentStatus><label>NPS Response</label>
<nameField><displayFormat>R-{000000}</displayFormat><label>Response Number</label><type>AutoNumber</type></nameField>
<pluralLabel>NPS Responses</pluralLabel><sharingModel>ReadWrite</sharingModel>
<fields><fullName>Response_Key__c</fullName><externalId>true</externalId><label>Key</label><length>255</length>
<type>Text</type><unique>true</unique></fields>
<fields><fullName>Contact__c</fullName><label>Contact</label><referenceTo>Contact</referenceTo>
<relationshipName>NPS_Responses</relationshipName><type>Lookup</type></fields>"""


def soap(by, inside):
    token = by.headers["authorization"].partition(" ")[2]
    body = (
        '<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns="{NAMESPACE}">'
        f"<env:Header><SessionHeader><sessionId>{token}</sessionId></SessionHeader></env:Header>"
        f"<env:Body>{inside}</env:Body></env:Envelope>"
    )
    reply = by.toy.call(
        "POST", "/services/Soap/m/64.0", raw=body.encode(), headers={"content-type": "text/xml"}
    )
    return reply.status, reply.body.decode()


CREATE = (
    '<createMetadata><metadata xsi:type="CustomObject"><fullName>NPS_Response__c</fullName>'
    f"{HISTORY}</metadata></createMetadata>"
)


def test_an_object_made_by_soap_keeps_answers_once_it_is_granted(crm, admin):
    status, told = soap(admin, CREATE)
    assert (status, "<success>true</success>" in told) == (200, True), told
    assert "DUPLICATE_DEVELOPER_NAME" in soap(admin, CREATE)[1]
    assert "NPS_Response__c" not in [one["name"] for one in crm.call("GET", "/sobjects").json["sobjects"]]
    assert crm.call("GET", "/sobjects/NPS_Response__c/describe").status == 404
    names = ("NPS_Response__c.Response_Key__c", "NPS_Response__c.Contact__c")
    set = grant(admin, *names)
    rights = {"PermissionsRead": True, "PermissionsCreate": True, "PermissionsEdit": True}
    admin.made("ObjectPermissions", ParentId=set, SobjectType="NPS_Response__c", **rights)
    contact = crm.some("Contact")["Id"]
    record = {"Response_Key__c": "r1", "Contact__c": contact}
    to = "/NPS_Response__c/Response_Key__c"
    assert crm.many("PATCH", "NPS_Response__c", record, to=to) == [None]
    assert crm.query("SELECT Name, Contact__r.Id FROM NPS_Response__c")[0]["Name"] == "R-000001"
    id = crm.query("SELECT Id FROM NPS_Response__c")[0]["Id"]
    assert (
        error(crm.call("DELETE", f"/sobjects/NPS_Response__c/{id}"))[1] == "INSUFFICIENT_ACCESS_OR_READONLY"
    )
    told = query(
        admin, "SELECT Label, KeyPrefix FROM EntityDefinition WHERE QualifiedApiName = 'NPS_Response__c'"
    )
    assert told.json["records"][0]["Label"] == "NPS Response"
    gone = "<deleteMetadata><type>CustomObject</type><fullNames>NPS_Response__c</fullNames></deleteMetadata>"
    assert "<success>true</success>" in soap(admin, gone)[1]
    assert crm.call("GET", "/sobjects/NPS_Response__c/describe").status == 404


def test_soap_says_who_may_not_come_in(crm):
    status, told = soap(crm, CREATE)
    assert (status, "sf:INSUFFICIENT_ACCESS" in told) == (500, True)
    crm.headers["authorization"] = "Bearer nobody"
    assert "sf:INVALID_SESSION_ID" in soap(crm, CREATE)[1]


def package(*left_out, **files):
    """A zip with a manifest that names what is in it."""
    set = (
        f'<PermissionSet xmlns="{NAMESPACE}"><label>NPS account managers</label>'
        "<objectPermissions><allowRead>true</allowRead><object>NPS_Response__c</object></objectPermissions>"
        "<fieldPermissions><editable>false</editable><field>Contact.NPS_Score__c</field>"
        "<readable>true</readable></fieldPermissions></PermissionSet>"
    )
    score = (
        f'<CustomObject xmlns="{NAMESPACE}"><fields><fullName>NPS_Score__c</fullName><label>NPS Score</label>'
        "<precision>2</precision><scale>0</scale><type>Number</type></fields></CustomObject>"
    )
    parts = {
        "objects/NPS_Response__c.object": f'<CustomObject xmlns="{NAMESPACE}">{HISTORY}</CustomObject>',
        "objects/Contact.object": score,
        "permissionsets/NPS_Managers.permissionset": set,
    } | files
    named = {
        "CustomObject": "NPS_Response__c",
        "CustomField": "Contact.NPS_Score__c",
        "PermissionSet": "NPS_Managers",
    }
    types = "".join(
        f"<types><members>{member}</members><name>{type}</name></types>"
        for type, member in named.items()
        if type not in left_out
    )
    parts["package.xml"] = f'<Package xmlns="{NAMESPACE}">{types}<version>64.0</version></Package>'
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as zipped:
        for name, text in parts.items():
            zipped.writestr(name, text)
    return raw.getvalue()


def deploy(by, raw, options='{"deployOptions":{"rollbackOnError":true}}'):
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="json"\r\nContent-Type: application/json\r\n\r\n',
        options.encode(),
        b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="deploy.zip"\r\n'
        b"Content-Type: application/zip\r\n\r\n",
        raw,
        b"\r\n--b--\r\n",
    ]
    headers = {**by.headers, "content-type": "multipart/form-data; boundary=b"}
    address = "/services/data/v64.0/metadata/deployRequest"
    begun = by.toy.call("POST", address, raw=b"".join(parts), headers=headers)
    if begun.status != 201:
        return begun.json
    return by.call("GET", f"/metadata/deployRequest/{begun.json['id']}", includeDetails="true").json[
        "deployResult"
    ]


def test_a_package_is_deployed_as_a_whole_and_a_second_time_changes_nothing(crm, admin):
    assert deploy(crm, package())[0]["errorCode"] == "INSUFFICIENT_ACCESS"
    for _ in range(2):
        done = deploy(admin, package())
        assert (done["done"], done["success"], done["numberComponentsDeployed"]) == (True, True, 3), done
    assert admin.query("SELECT Field, PermissionsEdit FROM FieldPermissions") == [
        {"Field": "Contact.NPS_Score__c", "PermissionsEdit": False}
    ]
    assert len(admin.query("SELECT Id FROM ObjectPermissions")) == 1


@pytest.mark.parametrize(
    "why", ["a manifest that leaves something out", "a field that cannot be made", "a trial"]
)
def test_nothing_of_a_package_stays_unless_all_of_it_can_be_made(admin, why):
    bad = (
        f'<CustomObject xmlns="{NAMESPACE}"><fields><fullName>NPS_Score__c</fullName></fields></CustomObject>'
    )
    raw, options = package(), '{"deployOptions":{"checkOnly": true}}'
    if why.startswith("a manifest"):
        raw, options = package("CustomField"), "{}"
    elif why.startswith("a field"):
        raw, options = package(**{"objects/Contact.object": bad}), "{}"
    done = deploy(admin, raw, options)
    assert done["success"] is (why == "a trial")
    assert bool(done["details"]["componentFailures"]) is (why != "a trial")
    assert query(admin, "SELECT Id FROM CustomField WHERE DeveloperName = 'NPS_Score'").json["records"] == []
    assert (
        query(admin, "SELECT Id FROM EntityDefinition WHERE QualifiedApiName = 'NPS_Response__c'").json[
            "size"
        ]
        == 0
    )


@pytest.mark.parametrize(
    ("object", "told", "code"),
    [
        ("FieldPermissions", {"Field": "Contact.Nothing__c"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("FieldPermissions", {"Field": "Contact.Email"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("FieldPermissions", {"PermissionsRead": False}, "FIELD_INTEGRITY_EXCEPTION"),
        ("ObjectPermissions", {"SobjectType": "Nothing__c"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("ObjectPermissions", {"PermissionsRead": False}, "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_what_a_permission_set_cannot_grant_is_refused(admin, object, told, code):
    set = admin.made("PermissionSet", Name="NPS", Label="NPS")
    usual = {"ParentId": set, "SobjectType": "Contact", "PermissionsRead": True, "PermissionsEdit": True}
    if object == "FieldPermissions":
        usual["Field"] = "Contact.Customer_Id__c"
    assert error(admin.create(object, **{**usual, **told})) == (400, code)
    assert admin.create(object, **usual).status == 201
    assert error(admin.create(object, **usual)) == (400, "DUPLICATE_VALUE")


def test_a_permission_set_that_somebody_has_stays(admin):
    make(admin, "Contact.NPS_Score__c", SCORE)
    set = grant(admin, "Contact.NPS_Score__c")
    assert error(admin.create("PermissionSet", Name="NPS_Contact_NPS_Score__c", Label="X")) == (
        400,
        "DUPLICATE_DEVELOPER_NAME",
    )
    assert error(admin.call("DELETE", f"/sobjects/PermissionSet/{set}")) == (400, "DELETE_FAILED")
    (given,) = admin.query(f"SELECT Id FROM PermissionSetAssignment WHERE PermissionSetId = '{set}'")
    assert admin.call("DELETE", f"/sobjects/PermissionSetAssignment/{given['Id']}").status == 204
    assert admin.call("DELETE", f"/sobjects/PermissionSet/{set}").status == 204


def test_a_prepared_org_lets_the_account_managers_read_what_is_written():
    crm = SignedIn(customers=5)
    (set,) = crm.query("SELECT Id FROM PermissionSet WHERE Name = 'NPS_Account_Managers'")
    asked = f"SELECT Field FROM FieldPermissions WHERE ParentId = '{set['Id']}' AND PermissionsRead = true"
    granted = {row["Field"] for row in crm.query(asked)}
    assert {"Contact.NPS_Score__c", "Account.NPS__c", "NPS_Response__c.Score__c"} <= granted


def test_the_credential_that_provisions_can_be_taken_away(toy, admin):
    toy.do("administrator", gone=True)
    assert make(admin, "Contact.NPS_Score__c", SCORE).status == 403


def test_a_field_made_on_the_screen_is_seen_at_once(toy, crm):
    toy.do("add_field", name="Activity.NPS_Event_Id__c", definition=KEY)
    assert fields(crm, "Task")["NPS_Event_Id__c"]["externalId"] is True
    toy.do("add_field", name="Contact.Secret__c", definition=SCORE, visible=False)
    assert "Secret__c" not in fields(crm, "Contact")
