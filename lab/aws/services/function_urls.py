"""The URLs of Lambda functions: moto keeps one a function, does not list them, and CloudFormation makes none.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

from __future__ import annotations

from typing import Any, Dict

from lab.aws.services.contract import INVALID, Refused, Request, answers

INVALID["lambda"] = ("InvalidParameterValueException", "Value does not fit: {}")


def install() -> None:
    """Let moto's CloudFormation make URLs.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-url.html
    """
    from moto.awslambda.utils import get_backend
    from moto.core.common_models import CloudFormationModel

    class FunctionUrl(CloudFormationModel):
        """One ``AWS::Lambda::Url``."""

        def __init__(self, arn: str, url: str) -> None:
            self.attributes = {"FunctionArn": arn, "FunctionUrl": f"{url}/"}

        @property
        def physical_resource_id(self) -> str:
            return self.attributes["FunctionArn"]

        @staticmethod
        def cloudformation_name_type() -> str:
            return ""

        @staticmethod
        def cloudformation_type() -> str:
            return "AWS::Lambda::Url"

        @classmethod
        def create_from_cloudformation_json(
            cls, resource_name: str, cloudformation_json: Dict[str, Any], account_id: str, region_name: str, **_: Any
        ) -> FunctionUrl:
            properties = cloudformation_json["Properties"]
            backend = get_backend(account_id, region_name)
            made = backend.create_function_url_config(properties["TargetFunctionArn"], properties)
            return cls(made.function.function_arn, made.url)

        @classmethod
        def has_cfn_attr(cls, attr: str) -> bool:
            return attr in ("FunctionArn", "FunctionUrl")

        def get_cfn_attribute(self, attribute_name: str) -> str:
            return self.attributes[attribute_name]


@answers("lambda", "ListFunctionUrlConfigs")
def list_function_url_configs(request: Request) -> Dict[str, Any]:
    """At most one, as moto has no aliases.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionUrlConfigs.html
    """
    from moto.awslambda.utils import get_backend

    backend = get_backend(request.account, request.region)
    name = request.given["FunctionName"]
    try:
        function = backend.get_function(name)
    except Exception:
        raise Refused("ResourceNotFoundException", f"Function not found: {name}") from None
    if function.url_config is None:
        return {"FunctionUrlConfigs": []}
    kept = {name: value for name, value in function.url_config.to_dict().items() if value is not None}
    return {"FunctionUrlConfigs": [{**kept, "InvokeMode": str(kept.get("InvokeMode", "BUFFERED")).upper()}]}
