"""One CloudTrail record, field by field as AWS writes it.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import base64
import random
from typing import Any, Dict, List, Optional

from lab.story import cast
from lab.story.callers import Caller
from lab.story.clock import iso

#: Services with one endpoint for the world; their events are in us-east-1.
GLOBAL_SERVICES = ("iam", "signin")
CIPHER_SUITE = "TLS_AES_128_GCM_SHA256"


class RecordMaker:
    """Makes records from one stream of random numbers, so that the same seed gives the same records."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def record(
        self,
        caller: Caller,
        time_s: int,
        service: str,
        name: str,
        request: Any = None,
        response: Any = None,
        *,
        read_only: bool = True,
        error: str = "",
        message: str = "",
        resources: Optional[List[Dict[str, Any]]] = None,
        additional: Optional[Dict[str, Any]] = None,
        event_type: str = "AwsApiCall",
        region: str = "",
        shared: bool = False,
        data_event: bool = False,
        endpoint: str = "",
    ) -> Dict[str, Any]:
        """Return one record as a dictionary in AWS's order. Its eventID comes from the random stream."""
        region = region or (cast.GLOBAL_REGION if service in GLOBAL_SERVICES else cast.REGION)
        record: Dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": caller.at(time_s),
            "eventTime": iso(time_s),
            "eventSource": service + ".amazonaws.com",
            "eventName": name,
            "awsRegion": region,
            "sourceIPAddress": caller.address,
            "userAgent": caller.agent,
        }
        if error:
            record["errorCode"] = error
        if message:
            record["errorMessage"] = message
        record["requestParameters"] = request
        record["responseElements"] = response
        if additional is not None:
            record["additionalEventData"] = additional
        if event_type != "AwsConsoleSignIn":
            record["requestID"] = self.s3_request_id() if service == "s3" else self.uuid()
        record["eventID"] = self.uuid()
        record["readOnly"] = read_only
        if resources:
            record["resources"] = resources
        record["eventType"] = event_type
        record["managementEvent"] = not data_event
        record["recipientAccountId"] = caller.account
        if shared:
            record["sharedEventID"] = self.uuid()
        if endpoint:
            record["vpcEndpointId"] = endpoint
        record["eventCategory"] = "Data" if data_event else "Management"
        if "." in caller.address and not caller.address.endswith(".com"):
            host = "signin.aws.amazon.com" if service == "signin" else f"{service}.{region}.amazonaws.com"
            if service == "s3" and isinstance(request, dict):
                host = request.get("Host", host)
            record["tlsDetails"] = {
                "tlsVersion": "TLSv1.3",
                "cipherSuite": CIPHER_SUITE,
                "clientProvidedHostHeader": host,
            }
        if caller.console:
            record["sessionCredentialFromConsole"] = "true"
        return record

    def uuid(self) -> str:
        """Return a random (version 4) UUID."""
        digits = f"{self.rng.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def hex_id(self, prefix: str) -> str:
        """Return an id such as ``i-0a1b2c3d4e5f60718``."""
        return f"{prefix}-0{self.rng.getrandbits(64):016x}"

    def s3_request_id(self) -> str:
        return base64.b32encode(self.rng.getrandbits(80).to_bytes(10, "big")).decode()

    def session_token(self) -> str:
        """Return what stands in for a session token: of a token's length and form, and no credential."""
        return "IQoJb3JpZ2luX2Vj" + base64.b64encode(self.rng.getrandbits(1600).to_bytes(200, "big")).decode()

    def s3_additional(self, bytes_in: int, bytes_out: int) -> Dict[str, Any]:
        """Return what S3 adds to its events."""
        return {
            "SignatureVersion": "SigV4",
            "CipherSuite": CIPHER_SUITE,
            "bytesTransferredIn": bytes_in,
            "AuthenticationMethod": "AuthHeader",
            "x-amz-id-2": base64.b64encode(self.rng.getrandbits(448).to_bytes(56, "big")).decode(),
            "bytesTransferredOut": bytes_out,
        }


def object_request(bucket: cast.Bucket, key: str) -> Dict[str, Any]:
    """Return the requestParameters of a call on one S3 object."""
    return {"bucketName": bucket.name, "Host": f"{bucket.name}.s3.{cast.REGION}.amazonaws.com", "key": key}


def object_resources(bucket: cast.Bucket, key: str) -> List[Dict[str, Any]]:
    """Return the resources of a call on one S3 object: the object, and its bucket with the owner."""
    return [
        {"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket.name}/{key}"},
        {"accountId": bucket.account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket.name}"},
    ]


def not_authorized(arn: str, action: str, resource: str) -> str:
    """Return the words of a refusal by IAM:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    return (
        f"User: {arn} is not authorized to perform: {action} on resource: {resource} because no identity-based policy "
        f"allows the {action} action"
    )
