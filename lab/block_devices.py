"""Programs of a host in a sandbox that show, fill and mount the volumes that the stand-in for AWS attaches to it.

They stand for lsblk, blkid, mkfs.ext4, mount, umount and df; each does what the collection asks of it and no more. No
block device, file system or mount is real: a volume is a folder, and what is on it moves to ``dev/volumes/<serial
number>`` below the host's root when it is unmounted. Files below the root's ``dev`` say the rest: ``free_kib`` (of the
host's own disks), ``filesystem`` (what blkid finds on a new volume), ``busy`` (umount fails).
"""

from __future__ import annotations

from pathlib import Path

_SERIAL = """serial_of() {
  for each in "$dev"/disks/*; do
    [ -f "$each" ] || continue
    read -r name _ <"$each"
    if [ "$name" = "$1" ]; then echo "${each##*/}"; fi
  done
}
"""
_PROGRAMS = {
    "lsblk": """case $* in
*SERIAL*)
  for each in "$dev"/disks/*; do
    [ -f "$each" ] || continue
    read -r name _ <"$each"
    echo "$name ${each##*/}"
  done
  ;;
*) for last; do :; done; echo "${last##*/}" ;;
esac
""",
    "blkid": """for last; do :; done
serial=$(serial_of "$last")
if [ -e "$dev/filesystem" ] || [ -e "$dev/formatted/$serial" ]; then echo "$last: TYPE=ext4"; exit 0; fi
exit 2
""",
    "mkfs.ext4": """for last; do :; done
serial=$(serial_of "$last")
[ -n "$serial" ] || exit 1
mkdir -p "$dev/formatted" && : >"$dev/formatted/$serial"
""",
    "mount": """device= place=
for each; do device=$place place=$each; done
serial=$(serial_of "$device")
[ -e "$dev/formatted/$serial" ] || { echo "wrong fs type" >&2; exit 32; }
mkdir -p "$dev/mounted" && echo "$place" >"$dev/mounted/$serial"
""",
    "umount": """for each in "$dev"/mounted/*; do
  read -r place <"$each"
  if [ "$place" = "$1" ]; then
    [ ! -e "$dev/busy" ] || { echo "target is busy" >&2; exit 32; }
    mkdir -p "$dev/volumes/${each##*/}"
    mv "$place"/* "$dev/volumes/${each##*/}/" 2>/dev/null
    rm "$each"
    exit 0
  fi
done
exit 32
""",
    "df": """for last; do :; done
kib=
for each in "$dev"/mounted/*; do
  [ -f "$each" ] || continue
  read -r place <"$each"
  if [ "$place" = "$last" ]; then read -r _ gib <"$dev/disks/${each##*/}"; kib=$((gib * 1048576)); fi
done
case $last in */data*) if [ -e "$dev/free_kib_of_data" ]; then read -r kib <"$dev/free_kib_of_data"; fi ;; esac
if [ -z "$kib" ] && [ -e "$dev/free_kib" ]; then read -r kib <"$dev/free_kib"; fi
if [ -z "$kib" ]; then PATH=/usr/bin:/bin exec df "$@"; fi
echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'
echo "disk $kib 0 $kib 0% $last"
""",
}


def write_programs(folder: Path) -> str:
    """Write them into a folder; return a ``PATH`` that begins with it."""
    for name, text in _PROGRAMS.items():
        dev = "dev=$AWS_SIEM_BRIDGE_ROOT/dev\n"
        (folder / name).write_text(f"#!/bin/sh\n{dev}{_SERIAL}{text}")
        (folder / name).chmod(0o755)
    return f"{folder}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
