"""The objects people act with once an answer is there: tasks, campaigns, and the answers kept one by one."""

from __future__ import annotations

from sandbox.salesforce.schema import SEGMENTS, Field, ObjectType, own_id, system

# The names are the org's own, as those of cases are; one of them means closed.
TASK_STATUSES = {
    "Not Started": False,
    "In Progress": False,
    "Completed": True,
    "Waiting on someone else": False,
    "Deferred": False,
}
CLOSED_TASKS = frozenset(name for name, closed in TASK_STATUSES.items() if closed)
EVENT_ID = Field(
    "NPS_Event_Id__c", "string", "NPS Event Id", 255, external_id=True, unique=True, indexed=True
)
TASK = ObjectType(
    "Task",
    "00T",
    (
        own_id("Activity ID"),
        Field("Subject", "combobox", "Subject", 255),
        Field("Description", "textarea", "Description", 32_000),
        Field("WhoId", "reference", "Name ID", 18, to="Contact", also=("Lead",), indexed=True),
        Field(
            "WhatId",
            "reference",
            "Related To ID",
            18,
            to="Account",
            also=("Case", "Campaign", "Subscription__c", "NPS_Response__c"),
            indexed=True,
        ),
        Field("AccountId", "reference", "Account ID", 18, updateable=False, to="Account", indexed=True),
        Field("OwnerId", "reference", "Assigned To ID", 18, nillable=False, to="User", also=("Group",)),
        Field("ActivityDate", "date", "Due Date Only"),
        Field("Status", "picklist", "Status", 255, nillable=False, values=tuple(TASK_STATUSES)),
        Field("Priority", "picklist", "Priority", 255, nillable=False, values=("High", "Normal", "Low")),
        Field("TaskSubtype", "picklist", "Task Subtype", 40, values=("Task", "Call", "Email")),
        Field("IsClosed", "boolean", "Closed", nillable=False, updateable=False, calculated=True),
        Field("CompletedDateTime", "datetime", "Completed Date", updateable=False),
        Field("CreatedById", "reference", "Created By ID", 18, updateable=False, to="User"),
        EVENT_ID,
        *system(),
    ),
)
GROUP = ObjectType(
    "Group",
    "00G",
    (
        own_id("Group ID"),
        Field("Name", "string", "Name", 40, nillable=False),
        Field("DeveloperName", "string", "Developer Name", 80, nillable=False),
        Field("Type", "picklist", "Type", 40, nillable=False, values=("Queue", "Regular")),
        *system(),
    ),
)
CAMPAIGN = ObjectType(
    "Campaign",
    "701",
    (
        own_id("Campaign ID"),
        Field("Name", "string", "Name", 80, nillable=False, indexed=True),
        Field("Type", "picklist", "Type", 255, values=("Email", "Advocacy", "Other")),
        Field("Status", "picklist", "Status", 255, values=("Planned", "In Progress", "Completed", "Aborted")),
        Field("IsActive", "boolean", "Active", nillable=False),
        Field("OwnerId", "reference", "Owner ID", 18, nillable=False, to="User"),
        *system(),
    ),
)
CAMPAIGN_MEMBER = ObjectType(
    "CampaignMember",
    "00v",
    (
        own_id("Campaign Member ID"),
        Field(
            "CampaignId",
            "reference",
            "Campaign ID",
            18,
            nillable=False,
            create_only=True,
            to="Campaign",
            indexed=True,
        ),
        Field("ContactId", "reference", "Contact ID", 18, create_only=True, to="Contact", indexed=True),
        Field("LeadId", "reference", "Lead ID", 18, create_only=True, to="Lead", indexed=True),
        Field("Status", "picklist", "Status", 40),
        Field("HasResponded", "boolean", "Responded", nillable=False, updateable=False),
        Field("CreatedById", "reference", "Created By ID", 18, updateable=False, to="User"),
        *system(),
    ),
)
CAMPAIGN_MEMBER_STATUS = ObjectType(
    "CampaignMemberStatus",
    "01Y",
    (
        own_id("Campaign Member Status ID"),
        Field(
            "CampaignId",
            "reference",
            "Campaign ID",
            18,
            nillable=False,
            create_only=True,
            to="Campaign",
            indexed=True,
        ),
        Field("Label", "string", "Label", 765, nillable=False),
        Field("SortOrder", "double", "Sort Order", precision=4),
        Field("IsDefault", "boolean", "Is Default", nillable=False),
        Field("HasResponded", "boolean", "Responded", nillable=False),
        *system(),
    ),
)
NPS_RESPONSE = ObjectType(
    "NPS_Response__c",
    "a02",
    (
        own_id("Record ID"),
        Field("Name", "string", "Response Number", 80, nillable=False, updateable=False, auto_number=True),
        Field("OwnerId", "reference", "Owner ID", 18, nillable=False, to="User"),
        Field(
            "Response_Key__c",
            "string",
            "Response Key",
            255,
            external_id=True,
            unique=True,
            indexed=True,
        ),
        Field("Contact__c", "reference", "Contact", 18, to="Contact", indexed=True),
        Field("Account__c", "reference", "Account", 18, to="Account", indexed=True),
        Field("Score__c", "double", "Score", precision=2),
        Field("Previous_Score__c", "double", "Previous Score", precision=2),
        Field("Segment__c", "picklist", "Segment", 255, values=SEGMENTS, restricted=True),
        Field("Comment__c", "textarea", "Comment", 32_000),
        Field("Channel__c", "string", "Channel", 80),
        Field("Survey__c", "string", "Survey", 80),
        Field("Answered_At__c", "datetime", "Answered At"),
        *system(),
    ),
)
LOOP = (TASK, GROUP, CAMPAIGN, CAMPAIGN_MEMBER, CAMPAIGN_MEMBER_STATUS, NPS_RESPONSE)
