"""AWS as this product uses it, on this machine: moto's server in a process of its own, with its gaps filled.

`AwsStandIn` starts it, `Layout` builds buckets, topics and queues in it, `lab.lambda_runtime` runs Lambda code for it.
Filled in, because the loader depends on it (moto 5.2.5 does otherwise):

- S3 notifications have AWS's shape: sequencer, version, who and where from; keys form-encoded with ``/`` left as it is.
  EventBridge gets "Object Created" with ``etag`` and the reason S3 gives, on the default bus, from enabled rules.
- SQS: two receivers never get one message at the same time; an old receipt handle deletes nothing, with HTTP 200; a
  message that is visible again answers MessageNotInflight.
- Lambda's event source mappings are kept as state and consume nothing; a queue whose visibility timeout is shorter than
  the function's timeout is refused; a change passes through ``Enabling`` and ``Disabling``.
- Faults on demand: any operation can be refused, throttled or cut in the middle of its body (`Fault`).
- Every call is recorded with the access key it was made with (`Call`).
- A bucket can demand encryption headers, as the policies of log archives do.

Filled in for whoever reads findings (`lab.aws.services`; `AwsAccount` is the way in):

- GuardDuty, both Security Hubs, Inspector, Macie, Access Analyzer and Shield have findings, with AWS's pages,
  filters, order and casing; requests beyond AWS's limits are refused; every reply is held to AWS's own description.
- EventBridge carries the services' events, with their account and region wherever they are forwarded; a caller cannot
  send events of ``aws.*``; a bus lets another account in only by its policy.
- Accounts and regions: a key belongs to its account, sessions can end, regions are denied, or off until asked for;
  Organizations lists accounts 20 at a time.

What is still not as on AWS:

- No signature, IAM policy, bucket policy, queue policy or key policy is evaluated: everything is allowed.
- Notifications arrive at once, once, and in order. AWS's may be late, doubled and in any order.
- S3 takes wrong checksums; objects are not really encrypted; a key that S3 cannot decrypt with is a `Fault` to ask for.
- PutBucketNotificationConfiguration does not check that the queue's or topic's policy lets S3 write to it.
- SQS keeps messages in order, answers long polls within 0.1 s and keeps no limit of 120,000 messages in flight.
- EventBridge reaches queues and other buses only; SNS reaches queues and HTTP endpoints.
- Findings: filters know the fields that matter to a reader and refuse others; the order of an unsorted list is that of
  arrival; what BatchUpdateFindings changes is seen at once, and an older version
  only when a test says so; objects of an export have names
  of our own; regions and members are linked one by one, and by no policy.
- A session ends when a test says so, not by time. Trust policies are those that tests state (`AwsAccount.trust`), not
  those of IAM; in other accounts every role can be assumed.
- A region that a service does not have is not known: all have all.
- A switched mapping is settled when it is next looked at; AWS takes up to a minute.
- Nothing outlives the process.
"""

from .account import AwsAccount
from .errors import AwsUnavailable
from .faults import Fault
from .layout import Layout, Queues
from .stand_in import AwsStandIn, Call

__all__ = ["AwsAccount", "AwsStandIn", "AwsUnavailable", "Call", "Fault", "Layout", "Queues"]
