"""The metadata service's switch and the instance's profile as EC2 has them: a change is pending first.

moto applies a change of the metadata options at once and forgets those that were not named; it keeps an association's
id when its profile is replaced.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsResponse.html and
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceIamInstanceProfileAssociation.html
"""

from __future__ import annotations

import threading
from typing import Any, Optional

#: Answers that say "pending" before one says "applied": that of the change, and one more.
PENDING_ANSWERS = 2
_LOCK = threading.RLock()


def install() -> None:
    """Change moto's EC2."""
    from moto.ec2.models import EC2Backend
    from moto.ec2.models.instances import MetadataOptions
    from moto.ec2.utils import random_iam_instance_profile_association_id

    class Pending(MetadataOptions):
        def __init__(self, left: int) -> None:
            self._left = left

        @property
        def state(self) -> str:
            with _LOCK:
                self._left -= 1
                return "pending" if self._left >= 0 else "applied"

        @state.setter
        def state(self, _: str) -> None:
            """Nobody sets it."""

    def modify(
        self: Any,
        instance_id: str,
        http_tokens: Optional[str] = None,
        hop_limit: Optional[int] = None,
        http_endpoint: Optional[str] = None,
        dry_run: Optional[bool] = False,
        http_protocol: Optional[str] = None,
        metadata_tags: Optional[str] = None,
    ) -> Any:
        instance = self.get_instance(instance_id)
        before, after = instance.metadata_options, Pending(PENDING_ANSWERS)
        after.http_tokens = http_tokens or before.http_tokens
        after.http_put_response_hop_limit = int(hop_limit or before.http_put_response_hop_limit)
        after.http_endpoint = http_endpoint or before.http_endpoint
        after.http_protocol_ipv6 = http_protocol or before.http_protocol_ipv6
        after.instance_metadata_tags = metadata_tags or before.instance_metadata_tags
        instance.metadata_options = after
        return after

    replace = EC2Backend.replace_iam_instance_profile_association

    def replace_profile(self: Any, association_id: str, *args: Any, **kwargs: Any) -> Any:
        found = replace(self, association_id, *args, **kwargs)
        found.association_id = random_iam_instance_profile_association_id()
        profile = {"Arn": found.iam_instance_profile.arn, "Id": found.association_id}
        self.modify_instance_attribute(found.instance_id, "iam_instance_profile", profile)
        return found

    EC2Backend.modify_instance_metadata_options = modify
    EC2Backend.replace_iam_instance_profile_association = replace_profile
