# Collects what the plan below names and sends it, part by part, to addresses that take nothing else. POSIX sh; made
# into a document of SSM by response/plans/document.py. Every line that it prints is a record: kind|field|field...
set -u
umask 077
LC_ALL=C
export LC_ALL
PATH=${PATH:-}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
export PATH
ROOT=${AWS_SIEM_BRIDGE_ROOT:-}
export ROOT
incident='{{ incident }}'
folder='{{ workDirectory }}'
job_sha256='{{ jobSha256 }}'
tool_sha256='{{ toolSha256 }}'
deadline_s='{{ executionTimeout }}'
volume='{{ volumeId }}'
only='{{ only }}'

below=$ROOT$folder
home=$below/$incident
job=$below/$incident.job
TOOL=$below/$incident.tool
export TOOL
begun=$(date +%s)
part_mib=0
image_mib=0
tool_why=
mounted=
image_home=$home
ran=' '

say() { printf '%s\n' "$1"; }

# Text of a program for a record: one line, short, without an address's signature.
short() { tr '\n\r\t' '   ' <"$1" 2>/dev/null | sed -e 's/?[^ ]*/?.../g' | cut -c 1-150; }

has() { command -v "$1" >/dev/null 2>&1; }

# Remember that a program of the host was used, with its sha256.
used() {
  case $ran in *" $1 "*) return ;; esac
  ran="$ran$1 "
  path=$(command -v "$1") || return
  case $path in /*) say "ran|$path|$(hash_of "$path")" ;; esac
}

hash_of() {
  if has sha256sum; then
    sha256sum <"$1" 2>/dev/null | cut -c 1-64
  elif has openssl; then
    openssl dgst -sha256 -r <"$1" 2>/dev/null | cut -c 1-64
  fi
}

size_of() { if [ -f "$1" ]; then wc -c <"$1" | tr -d ' '; else say 0; fi; }

left_s() { say $((deadline_s - $(date +%s) + begun)); }

# Run a command for so many seconds at most: 124 when it took longer.
limited() {
  seconds=$1
  shift
  if timeout 5 true >/dev/null 2>&1; then
    timeout "$seconds" "$@"
    return
  fi
  "$@" &
  child=$!
  (
    passed=0
    while [ "$passed" -lt "$seconds" ]; do
      sleep 1
      kill -0 "$child" 2>/dev/null || exit 0
      passed=$((passed + 1))
    done
    kill -9 "$child" 2>/dev/null
  ) &
  wait "$child"
  status=$?
  if [ "$status" -eq 137 ]; then return 124; fi
  return "$status"
}

finish() {
  if [ -n "$mounted" ]; then
    sync
    # What was captured stays on the volume: whoever sent this script deletes it, once it is kept elsewhere.
    if umount "$mounted" 2>/dev/null; then rmdir "$mounted"; else say "left|mounted at ${mounted#"$ROOT"}"; fi
  fi
  if [ "$image_home" != "$home" ] && [ -z "$mounted" ]; then
    rm -rf "$image_home"
    if [ -e "$image_home" ]; then say "left|${image_home#"$ROOT"}"; fi
  fi
  rm -rf "$home" "$job" "$TOOL"
  for path in "$home" "$job" "$TOOL"; do
    if [ -e "$path" ]; then say "left|${path#"$ROOT"}"; fi
  done
  rmdir "$below" 2>/dev/null
  say "end|$1"
  exit "$2"
}

# Print the address of the job that takes a part of an item.
address_of() {
  while read -r kind name number address; do
    if [ "$kind $name $number" = "put $1 $2" ]; then say "$address"; fi
  done <"$job"
}

# Send a file. What arrived is looked up in S3 by whoever sent this script: AVML itself says "failed" to a success of
# S3, since it knows 201 alone.
send() {
  address=$(address_of "$2" "$3")
  if [ -z "$address" ]; then
    say 'no address for it' >"$home/send.err"
    return 1
  fi
  if [ -z "$tool_why" ]; then
    "$TOOL" upload put "$1" "$address" >/dev/null 2>"$home/send.err" && return 0
    case $(cat "$home/send.err") in *[Ss]tatus*200*) return 0 ;; esac
  fi
  if has curl; then
    used curl
    printf 'url = "%s"\n' "$address" | curl -q -s -S -f -K - -T "$1" >/dev/null 2>"$home/send.err"
    return
  fi
  if [ -z "$tool_why" ]; then return 1; fi
  say 'no program to send it with: neither the capture tool nor curl' >"$home/send.err"
  return 1
}

record() { say "item|$1|$2|$3|$4|$5"; }

# Send what an item gave: name, file, outcome, why.
keep() {
  bytes=$(size_of "$2")
  digest=$(hash_of "$2")
  if send "$2" "$1" 1; then
    record "$1" "$3" "$bytes" "$digest" "$4"
  else
    record "$1" failed "$bytes" "$digest" "not sent: $(short "$home/send.err")"
  fi
  rm -f "$2"
}

# item NAME FILE SECONDS, then for each way to get it: CONDITION NEEDS COMMAND
item() {
  if [ "$only" = memory ]; then return; fi
  name=$1 file=$home/$2 seconds=$3
  shift 3
  lacks=
  while [ $# -ge 3 ]; do
    condition=$1 needs=$2 command=$3
    shift 3
    unmet=
    for each in $needs; do has "$each" || unmet="$unmet $each"; done
    if [ -n "$unmet" ]; then
      lacks="$lacks no programme$unmet;"
    elif [ -n "$condition" ] && ! sh -c "$condition" >/dev/null 2>&1; then
      lacks="$lacks not so here: $condition;"
    else
      for each in $needs; do used "$each"; done
      run "$command"
      return
    fi
  done
  record "$name" missing 0 '' "${lacks# }"
}

run() {
  if [ "$(left_s)" -lt "$seconds" ]; then seconds=$(left_s); fi
  if [ "$seconds" -le 0 ]; then
    record "$name" failed 0 '' 'no time was left'
    return
  fi
  limited "$seconds" sh -c "$1" >"$file" 2>"$home/err"
  status=$?
  why=
  if [ "$status" -eq 124 ]; then
    why="ended after $seconds s, what came until then is kept"
  elif [ "$status" -ne 0 ]; then
    why="exit status $status: $(short "$home/err")"
  fi
  if [ -s "$file" ]; then
    outcome=collected
    if [ "$status" -eq 124 ]; then outcome=failed; fi
    keep "$name" "$file" "$outcome" "$why"
  elif [ -n "$why" ]; then
    record "$name" failed 0 '' "$why"
  else
    record "$name" empty 0 '' ''
  fi
}

free_mib() {
  df -P -k "$1" 2>/dev/null | {
    read -r _
    read -r _ _ _ free _ || free=0
    say $((free / 1024))
  }
}

# Print where another disk of the host is mounted that has so many MiB and one GiB more. Memory is no disk.
roomy() {
  if [ ! -r "$ROOT/proc/mounts" ]; then return; fi
  while read -r _ where kind options _; do
    case $kind in ext2 | ext3 | ext4 | xfs | btrfs) ;; *) continue ;; esac
    case ,$options, in *,ro,*) continue ;; esac
    case $where in *\\*) continue ;; esac
    if [ "$(free_mib "$ROOT$where")" -ge $(($1 + 1024)) ]; then
      say "${where%/}"
      return
    fi
  done <"$ROOT/proc/mounts"
}

# Print the device with the serial number $1: Nitro shows the volume's id as such.
device_of() {
  lsblk -d -n -p -o NAME,SERIAL 2>/dev/null | while read -r found number; do
    if [ "$number" = "$1" ]; then say "$found"; fi
  done
}

# Make a file system on the volume and mount it. Nothing is made where there is anything.
mount_volume() {
  make=
  for each in mkfs.xfs mkfs.ext4; do if has "$each"; then make=$each; fi; done
  for each in lsblk blkid mount umount "${make:-mkfs.ext4}"; do
    if ! has "$each"; then
      volume_why="no programme $each"
      return 1
    fi
    used "$each"
  done
  device=
  tries=0
  while [ -z "$device" ] && [ "$tries" -lt 30 ]; do
    if [ "$tries" -gt 0 ]; then sleep 1; fi
    device=$(device_of "$(say "$volume" | tr -d -)")
    tries=$((tries + 1))
  done
  if [ -z "$device" ]; then
    volume_why="no device has the serial number of $volume"
    return 1
  fi
  blkid -p "$device" >/dev/null 2>&1
  status=$?
  # 2: nothing is known to be on it. https://man7.org/linux/man-pages/man8/blkid.8.html
  if [ "$status" -ne 2 ] || [ "$(lsblk -n -o NAME "$device" | wc -l)" -ne 1 ]; then
    volume_why="$device ($volume) is not empty: it was not touched"
    return 1
  fi
  if ! "$make" -q "$device" </dev/null >/dev/null 2>"$home/volume.err"; then
    volume_why="$make on $device ($volume): $(short "$home/volume.err")"
    return 1
  fi
  place=$below/$incident.volume
  if ! mkdir "$place" || ! mount -o nodev,nosuid,noexec "$device" "$place" 2>"$home/volume.err"; then
    volume_why="mount of $device ($volume): $(short "$home/volume.err")"
    return 1
  fi
  mounted=$place
  say "volume|$volume|$device|$make"
}

# memory NAME FILE CONDITION NEEDS COMMAND: acquired first, sent last.
memory() {
  memory_name=$1 memory_why=
  if [ -n "$tool_why" ]; then
    record "$1" "$tool_outcome" 0 '' "$tool_why"
    memory_why=told
    return
  fi
  mib=$image_mib
  while read -r key value _; do
    if [ "$key" = MemTotal: ] && [ $((value / 1024)) -gt "$mib" ]; then mib=$((value / 1024)); fi
  done <"$ROOT/proc/meminfo"
  need=$((mib + mib / 20 + part_mib + 64))
  if [ -n "$volume" ]; then
    volume_why=
    if ! mount_volume; then
      record "$1" failed 0 '' "$volume_why"
      memory_why=told
      return
    fi
    image_home=$mounted
  elif [ "$(free_mib "$home")" -lt "$need" ]; then
    other=$(roomy "$need")
    if [ -n "$other" ] && mkdir "$ROOT$other/.aws-siem-bridge-$incident" 2>/dev/null; then
      image_home=$ROOT$other/.aws-siem-bridge-$incident
      say "placed|${image_home#"$ROOT"}"
    fi
  fi
  free=$(free_mib "$image_home")
  if [ "$free" -lt "$need" ]; then
    say "space|$need|$free"
    record "$1" failed 0 '' "$need MiB are needed below $folder and $free MiB are free: name a folder of a larger volume"
    memory_why=told
    return
  fi
  memory_file=$image_home/$2
  OUTPUT=$memory_file
  export OUTPUT
  # Half of the time is for sending it.
  limited $(($(left_s) / 2)) sh -c "$5" >/dev/null 2>"$home/memory.err"
  status=$?
  if [ "$status" -eq 124 ]; then
    memory_why="the capture took too long and was ended; what came until then is kept"
  elif [ "$status" -ne 0 ]; then
    lockdown=$(cat "$ROOT/sys/kernel/security/lockdown" 2>/dev/null)
    memory_why="exit status $status: $(short "$home/memory.err")${lockdown:+ (kernel lockdown: $lockdown)}"
  fi
}

# Send the image in parts: each is cut out, sent and deleted, so that one part of space is enough.
send_memory() {
  if [ "${memory_why:-}" = told ]; then return; fi
  bytes=$(size_of "$memory_file")
  if [ "$bytes" -eq 0 ]; then
    record "$memory_name" failed 0 '' "${memory_why:-the capture tool wrote nothing}"
    return
  fi
  digest=$(hash_of "$memory_file")
  number=1
  done_mib=0
  while [ $((done_mib * 1048576)) -lt "$bytes" ]; do
    dd if="$memory_file" of="$image_home/part" bs=1048576 skip="$done_mib" count="$part_mib" 2>/dev/null
    if ! send "$image_home/part" "$memory_name" "$number"; then
      record "$memory_name" failed "$bytes" "$digest" "part $number was not sent: $(short "$home/send.err")"
      return
    fi
    number=$((number + 1))
    done_mib=$((done_mib + part_mib))
  done
  outcome=collected
  if [ -n "$memory_why" ]; then outcome=failed; fi
  record "$memory_name" "$outcome" "$bytes" "$digest" "$memory_why"
}

mkdir -p "$below"
if ! mkdir "$home" 2>/dev/null; then
  # This command was sent twice: the other one is at it, or was, and its files are its own.
  say "end|twice"
  exit 0
fi
say "host|begun|$(date -u +%Y-%m-%dT%H:%M:%SZ)"
if [ ! -s "$job" ]; then finish 'no job: it could not be fetched' 1; fi
if ! has sha256sum && ! has openssl; then finish 'no programme for sha256: nothing fetched can be trusted' 1; fi
if [ "$(hash_of "$job")" != "$job_sha256" ]; then finish 'the job is not the one that was written' 1; fi
say "wrote|${job#"$ROOT"}|$(size_of "$job")|$job_sha256"
while read -r kind value _; do
  case $kind in
  part_mib) part_mib=$value ;;
  image_mib) image_mib=$value ;;
  esac
done <"$job"
tool_outcome=failed
if [ -z "$tool_sha256" ]; then
  tool_outcome=missing
  tool_why='there is no capture tool for this architecture'
elif [ ! -s "$TOOL" ]; then
  tool_why='the capture tool could not be fetched'
elif [ "$(hash_of "$TOOL")" != "$tool_sha256" ]; then
  tool_why="the capture tool has the sha256 $(hash_of "$TOOL"), not the one that is known: it was not run"
elif ! chmod 700 "$TOOL"; then
  tool_why='the capture tool cannot be made executable'
else
  say "wrote|${TOOL#"$ROOT"}|$(size_of "$TOOL")|$tool_sha256"
fi
for each in sh date mkdir rm wc tr cut sed dd df timeout sha256sum; do used "$each"; done
