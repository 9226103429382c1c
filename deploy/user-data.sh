#!/bin/bash
# User data of an EC2 spot instance with Amazon Linux 2023: install, load, shut down. If the instance is interrupted, the
# load saves its state in the table; the next instance runs this script too and resumes it.
#
# The instance's role needs iam-loader.json and iam-instance.json. Set the instance's shutdown behaviour to "terminate".
set -euo pipefail

bucket=BUCKET                                         # has wheel and requirements.lock in program/, manifests in manifests/
logs=LOGS                                             # bucket to keep the log in; empty: it is not kept
wheel=ingest_cli-0.1.0-cp311-abi3-linux_x86_64.whl
pepper=arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME
table=breaches                                        # name or ARN
hours=24                                              # maximum running time of the instance
attempts=100                                          # maximum number of loads, each resuming the one before
place=/opt/ingest-cli
metadata=http://169.254.169.254

log="${place}/ingest.log"
deadline=$((hours * 3600))                            # compared with SECONDS, the running time of this script
child=

# Run a command for the time that is left. In the background: bash acts on a signal only while it waits. With
# --foreground, a signal reaches the command once: a second one would end ingest-cli before its state is saved.
run() {
  local code=0 left=$((deadline - SECONDS))
  if ((left <= 0)); then return 124; fi               # as timeout does; it takes 0 for "no limit"
  timeout --foreground --kill-after=30s "${left}s" "$@" &
  child=$!
  wait "${child}" || code=$?
  child=
  return "${code}"
}

# shellcheck disable=SC2329 # called by a trap
stop() {
  trap '' TERM INT HUP
  if [[ -n "${child}" ]]; then
    kill -TERM "${child}" 2>/dev/null || true
    wait "${child}" || true
  fi
  exit 143
}

# shellcheck disable=SC2329 # called by a trap
finish() {
  local code=$?
  trap '' TERM INT HUP
  trap - EXIT
  set +e
  if [[ -n "${logs}" && -e "${log}" ]]; then
    timeout --kill-after=10s 120s \
      aws s3 cp --quiet "${log}" "s3://${logs}/$(date --utc +%Y%m%dT%H%M%SZ)-exit-${code}.jsonl" ||
      echo "user-data: the log could not be copied to s3://${logs}" >&2
  fi
  shutdown -h now || systemctl poweroff --force
  exit "${code}"
}

trap finish EXIT
trap stop TERM INT HUP
# Should this script be killed or hang, the system still shuts down.
shutdown -h "+$((hours * 60))" || echo "user-data: no shutdown could be scheduled" >&2

region() {
  local token
  if [[ "${table}" == arn:*:dynamodb:*:*:table/* ]]; then
    cut -d : -f 4 <<<"${table}"
    return
  fi
  token="$(ask --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 300' "${metadata}/latest/api/token")" || return
  ask --header "X-aws-ec2-metadata-token: ${token}" "${metadata}/latest/meta-data/placement/region"
}

ask() {
  curl --fail --silent --show-error --max-time 10 --retry 5 --retry-connrefused "$@"
}

AWS_REGION="$(region)"
AWS_DEFAULT_REGION="${AWS_REGION}"                    # for the AWS CLI; ingest-cli takes either
export AWS_REGION AWS_DEFAULT_REGION

run dnf install --assumeyes --quiet python3.11
run python3.11 -m venv "${place}"
for name in requirements.lock "${wheel}"; do run aws s3 cp --quiet "s3://${bucket}/program/${name}" "${place}/${name}"; done
run "${place}/bin/pip" install --quiet --require-hashes --requirement "${place}/requirements.lock"
run "${place}/bin/pip" install --quiet --no-deps "${place}/${wheel}"
run aws s3 sync --quiet "s3://${bucket}/manifests/" "${place}/manifests/"

code=75
while ((code == 75 && attempts-- > 0 && SECONDS + 600 < deadline)); do
  code=0
  # --max-runtime: to stop and save in time, before timeout and shutdown end it.
  run "${place}/bin/ingest-cli" load "${place}"/manifests/*.toml --table "${table}" --key "secretsmanager:${pepper}" \
    --max-runtime "$((deadline - SECONDS - 300))s" --verbose --log-file "${log}" --log-format json || code=$?
  # 75: interrupted or throttled out. An interrupted spot instance is gone before this minute is over.
  if ((code == 75)); then run sleep 60; fi
done
exit "${code}"
