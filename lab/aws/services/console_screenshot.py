"""The picture of an instance's console, which moto lacks: a JPEG of one grey dot, of running instances only.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleScreenshot.html
"""

from __future__ import annotations

import base64
from typing import Any

#: 1 x 1 pixel.
PICTURE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4z"
    "NDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AVN//2Q=="
)


def install() -> None:
    """Change moto's EC2."""
    from moto.core.responses import ActionResult
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.responses import EC2Response

    def get_console_screenshot(self: Any) -> Any:
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        if instance.state != "running":
            text = f"The instance '{instance.id}' is not in a state from which a screenshot can be taken."
            raise EC2ClientError("IncorrectState", text)
        return ActionResult({"InstanceId": instance.id, "ImageData": base64.b64encode(PICTURE).decode()})

    EC2Response.get_console_screenshot = get_console_screenshot
