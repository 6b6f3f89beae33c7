"""Standby of Auto Scaling as AWS has it: an instance that is there already is refused; moto would count it twice."""

from __future__ import annotations

from typing import Any, Callable, List


def install() -> None:
    """Change moto's Auto Scaling."""
    from moto.autoscaling.exceptions import ValidationError
    from moto.autoscaling.models import AutoScalingBackend

    def only(state: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def checked(self: Any, group_name: str, instance_ids: List[str], *args: Any, **kwargs: Any) -> Any:
            for each in self.autoscaling_groups[group_name].instance_states:
                if each.instance.id in instance_ids and each.lifecycle_state != state:
                    raise ValidationError(f"The instance {each.instance.id} is not in {state}.")
            return change(self, group_name, instance_ids, *args, **kwargs)

        return checked

    # https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_EnterStandby.html and API_ExitStandby.html
    AutoScalingBackend.enter_standby_instances = only("InService", AutoScalingBackend.enter_standby_instances)
    AutoScalingBackend.exit_standby_instances = only("Standby", AutoScalingBackend.exit_standby_instances)
