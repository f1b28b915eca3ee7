"""What the brand is known by, and the columns of its exports."""

from __future__ import annotations

from sandbox.surveys import Survey

TOKEN = "qualtrics-sandbox-token-3F90"
CLIENT_ID, CLIENT_SECRET = "qualtrics-sandbox-client", "qualtrics-sandbox-secret"
DATA_CENTRE = "fra1"
RELATIONSHIP = Survey("SV_0relationship1", "Relationship", "nps")
SATISFACTION = Survey("SV_0aftersupport2", "After support", "csat")
SCORE, COMMENT = "QID1", "QID2_TEXT"
GROUPS = {"promoter": 3, "passive": 2, "detractor": 1}
NORMAL, PREVIEW = 0, 1
# name in JSON → header in CSV
COLUMNS = {
    "startDate": "StartDate",
    "endDate": "EndDate",
    "status": "Status",
    "ipAddress": "IPAddress",
    "progress": "Progress",
    "duration": "Duration (in seconds)",
    "finished": "Finished",
    "recordedDate": "RecordedDate",
    "responseId": "ResponseId",
    "recipientLastName": "RecipientLastName",
    "recipientFirstName": "RecipientFirstName",
    "recipientEmail": "RecipientEmail",
    "externalDataReference": "ExternalReference",
    "locationLatitude": "LocationLatitude",
    "locationLongitude": "LocationLongitude",
    "distributionChannel": "DistributionChannel",
    "userLanguage": "UserLanguage",
    SCORE: SCORE,
    f"{SCORE}_NPS_GROUP": f"{SCORE}_NPS_GROUP",
    COMMENT: COMMENT,
    "plan": "plan",
    "padding": "padding",
}
