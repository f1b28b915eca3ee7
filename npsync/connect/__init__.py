"""Everything a connector outside this package needs: `from npsync.connect import Connector, Source, …`.

These names stay; what lies behind them may move. A connector is one value, `Connector`, that an entry point of the
group `npsync.connectors` names. docs/how-to/write-a-connector.md builds one from nothing.
"""

from __future__ import annotations

from connectors import replies
from connectors.addresses import checked_base_url as checked_base_url
from connectors.addresses import safe_address as safe_address
from connectors.calls import CallPolicy as CallPolicy
from connectors.contract import OWNER_REFUSED as OWNER_REFUSED
from connectors.contract import Accessible as Accessible
from connectors.contract import Allowance as Allowance
from connectors.contract import Case as Case
from connectors.contract import Clock as Clock
from connectors.contract import Confidence as Confidence
from connectors.contract import Connector as Connector
from connectors.contract import Creates as Creates
from connectors.contract import Destination as Destination
from connectors.contract import Entry as Entry
from connectors.contract import EventKind as EventKind
from connectors.contract import EventSource as EventSource
from connectors.contract import GivesTasks as GivesTasks
from connectors.contract import Grant as Grant
from connectors.contract import Hears as Hears
from connectors.contract import Inbound as Inbound
from connectors.contract import KeepsHistory as KeepsHistory
from connectors.contract import KeepsLists as KeepsLists
from connectors.contract import LeftOut as LeftOut
from connectors.contract import Lookup as Lookup
from connectors.contract import Making as Making
from connectors.contract import Memory as Memory
from connectors.contract import Needs as Needs
from connectors.contract import Only as Only
from connectors.contract import Owner as Owner
from connectors.contract import Parameters as Parameters
from connectors.contract import Posted as Posted
from connectors.contract import Priority as Priority
from connectors.contract import ReadsAgain as ReadsAgain
from connectors.contract import Refused as Refused
from connectors.contract import RemembersMerges as RemembersMerges
from connectors.contract import Reply as Reply
from connectors.contract import Sender as Sender
from connectors.contract import Sends as Sends
from connectors.contract import Settings as Settings
from connectors.contract import Source as Source
from connectors.contract import Taken as Taken
from connectors.contract import Task as Task
from connectors.contract import TaskState as TaskState
from connectors.contract import Tools as Tools
from connectors.contract import Verdict as Verdict
from connectors.contract import Watch as Watch
from connectors.contract import Way as Way
from connectors.contract import WriteOnly as WriteOnly
from connectors.http import Http as Http
from connectors.limits import Limiter as Limiter
from connectors.limits import Window as Window
from connectors.replies import FINE as FINE
from connectors.replies import Renew as Renew
from connectors.replies import Retry as Retry
from connectors.replies import Ruling as Ruling
from connectors.replies import Stop as Stop
from connectors.replies import judge as judge
from connectors.tokens import Credential as Credential
from connectors.tokens import Token as Token
from nps.asking import Channel as Channel
from nps.changes import Batch as Batch
from nps.changes import Cause as Cause
from nps.changes import Change as Change
from nps.changes import Deferred as Deferred
from nps.changes import Hit as Hit
from nps.changes import Made as Made
from nps.changes import Outcome as Outcome
from nps.changes import Record as Record
from nps.changes import Rejected as Rejected
from nps.changes import Unknown as Unknown
from nps.changes import Written as Written
from nps.durations import Duration as Duration
from nps.durations import Period as Period
from nps.errors import AccessError as AccessError
from nps.errors import BudgetError as BudgetError
from nps.errors import ConfigError as ConfigError
from nps.errors import NpsyncError as NpsyncError
from nps.errors import RejectedError as RejectedError
from nps.errors import StillUnderWay as StillUnderWay
from nps.errors import UnavailableError as UnavailableError
from nps.events import Answered as Answered
from nps.events import Event as Event
from nps.events import EventPage as EventPage
from nps.events import Hint as Hint
from nps.events import PersonKey as PersonKey
from nps.events import Reading as Reading
from nps.events import Signal as Signal
from nps.events import SignalKind as SignalKind
from nps.events import Subject as Subject
from nps.responses import Cursor as Cursor
from nps.responses import Page as Page
from nps.responses import ResponseStatus as ResponseStatus
from nps.responses import SurveyResponse as SurveyResponse
from nps.schema import FieldSchema as FieldSchema
from nps.schema import FieldType as FieldType
from nps.schema import ObjectSchema as ObjectSchema
from nps.sending import Accepted as Accepted
from nps.sending import FailedPermanent as FailedPermanent
from nps.sending import FailedRetryable as FailedRetryable
from nps.sending import FateUnknown as FateUnknown
from nps.sending import Message as Message
from nps.sending import Recipient as Recipient
from nps.sending import SendOutcome as SendOutcome
from nps.sending import SuppressedByVendor as SuppressedByVendor
from nps.values import Json as Json
from nps.values import Value as Value

HttpReply = replies.Reply  # of a vendor; `Reply` is ours, to whoever posts to /hooks


def described(name: str, text: str) -> Connector:
    """A connector made of a description in YAML (docs/how-to/describe-a-source.md), for a package that brings a survey
    tool as a file: `CONNECTOR = described("pulse", files(__name__).joinpath("pulse.yaml").read_text("utf-8"))`."""
    from connectors.declared.connecting import connector_of
    from connectors.declared.files import parsed
    from connectors.declared.preset import Preset

    return connector_of(name, Preset.of(parsed(text)))
