"""Lambda's event source mappings as state: moto would consume the messages without running any code.

Who runs them is `lab.lambda_runtime.poller`. The rules and texts are those of
https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

from typing import Any, Dict

#: The state a mapping is in while it changes -> the one it settles in.
SETTLES = {"Creating": "Enabled", "Enabling": "Enabled", "Disabling": "Disabled", "Updating": "Enabled"}


def install() -> None:
    """Put these rules around moto's own."""
    from moto.awslambda.exceptions import InvalidParameterValueException
    from moto.awslambda.models import EventSourceMapping, LambdaBackend
    from moto.awslambda.responses import LambdaResponse
    from moto.sqs.models import sqs_backends

    def queue_of(backend: Any, arn: str) -> Any:
        queues = sqs_backends[backend.account_id][backend.region_name].queues.values()
        return next((queue for queue in queues if queue.queue_arn == arn), None)

    create = LambdaBackend.create_event_source_mapping
    update = LambdaBackend.update_event_source_mapping
    configuration = EventSourceMapping.get_configuration

    def create_event_source_mapping(self: Any, spec: Dict[str, Any]) -> Any:
        queue = queue_of(self, spec.get("EventSourceArn", ""))
        if queue is not None:
            function = self.get_function(spec["FunctionName"])
            if queue.visibility_timeout < function.timeout:
                raise InvalidParameterValueException(
                    f"Queue visibility timeout: {queue.visibility_timeout} seconds is less than Function timeout: "
                    f"{function.timeout} seconds"
                )
        made = create(self, spec)
        if queue is not None:
            queue.lambda_event_source_mappings.clear()
        made.lab_state = "Creating" if made.enabled else "Disabled"
        return made

    def update_event_source_mapping(self: Any, uuid: str, spec: Dict[str, Any]) -> Any:
        found = self.get_event_source_mapping(uuid)
        was = found.enabled if found else None
        changed = update(self, uuid, spec)
        if changed:
            if was == changed.enabled:
                changed.lab_state = "Updating" if changed.enabled else "Disabled"
            else:
                changed.lab_state = "Enabling" if changed.enabled else "Disabling"
        return changed

    def get_configuration(self: Any) -> Dict[str, Any]:
        found = configuration(self)
        found["State"] = self.lab_state
        self.lab_state = SETTLES.get(self.lab_state, self.lab_state)
        found["StateTransitionReason"] = "USER_INITIATED"
        return found

    missing = LambdaResponse.update_event_source_mapping

    def respond_to_update(self: Any) -> Any:
        if self.backend.get_event_source_mapping(self.path.split("/")[-1]) is None:
            return self.get_event_source_mapping()  # moto's own answer lacks the error's name
        return missing(self)

    LambdaBackend.create_event_source_mapping = create_event_source_mapping
    LambdaBackend.update_event_source_mapping = update_event_source_mapping
    EventSourceMapping.get_configuration = get_configuration
    LambdaResponse.update_event_source_mapping = respond_to_update
