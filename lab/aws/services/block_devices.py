"""Volumes as the host of a sandbox sees them, and what moto leaves out of CreateVolume.

- Asked twice with one ``ClientToken``, CreateVolume makes one volume.
- A volume that is attached to a host of SSM's agent is a file ``dev/disks/<serial number>`` below its root, with the
  name of the device and the GiB, as Nitro shows it; detached, it is gone, and what was on it is below ``dev/detached``.
- One that is mounted is not detached (AWS waits for the host: ``detaching``, the attachment ``busy``).

The host's programs that look at it are `lab.block_devices`.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html, API_DetachVolume.html,
https://docs.aws.amazon.com/ebs/latest/userguide/nvme-ebs-volumes.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from lab.aws.services.ssm import HOSTS


def install() -> None:
    """Change moto's EC2."""
    from moto.ec2.models import EC2Backend
    from moto.ec2.responses import EC2Response

    create, attach, detach = EC2Response.create_volume, EC2Backend.attach_volume, EC2Backend.detach_volume
    made: Dict[Tuple[str, str, str], Any] = {}

    def create_volume(self: Any) -> Any:
        token = self._get_param("ClientToken")
        key = self.current_account, self.region, token
        if not token:
            return create(self)
        if key not in made:
            made[key] = create(self)
        return made[key]

    def attach_volume(self: Any, volume_id: str, instance_id: str, device_path: str, *args: Any, **kwargs: Any) -> Any:
        from moto.ec2.exceptions import EC2ClientError

        if self.get_volume(volume_id).attachment:
            raise EC2ClientError("VolumeInUse", f"{volume_id} is already attached to an instance")
        found = attach(self, volume_id, instance_id, device_path, *args, **kwargs)
        disks = _disks(self, instance_id)
        if disks:
            disks.mkdir(parents=True, exist_ok=True)
            name = f"/dev/nvme{len(list(disks.iterdir())) + 1}n1"
            (disks / _serial(volume_id)).write_text(f"{name} {self.get_volume(volume_id).size}\n")
        return found

    def detach_volume(self: Any, volume_id: str, instance_id: str, device_path: str) -> Any:
        from moto.ec2.exceptions import EC2ClientError

        volume = self.get_volume(volume_id)
        if not volume.attachment:
            raise EC2ClientError("IncorrectState", f"Volume '{volume_id}' is in the 'available' state.")
        instance_id = instance_id or volume.attachment.instance.id
        disks = _disks(self, instance_id)
        if disks and (disks.parent / "mounted" / _serial(volume_id)).exists():
            volume.attachment.status = "busy"
            return volume.attachment
        if disks and (disks / _serial(volume_id)).exists():
            (disks / _serial(volume_id)).unlink()
        return detach(self, volume_id, instance_id, device_path)

    EC2Response.create_volume = create_volume
    EC2Backend.attach_volume = attach_volume
    EC2Backend.detach_volume = detach_volume


def _disks(backend: Any, instance: str) -> Optional[Path]:
    host = HOSTS[backend.account_id, backend.region_name].get(instance)
    return host.root / "dev" / "disks" if host else None


def _serial(volume: str) -> str:
    return volume.replace("-", "")
