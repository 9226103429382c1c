#!/bin/bash
# User data of an EC2 spot instance with Amazon Linux 2023: install, load, shut down. When the instance is taken back,
# the load saves its state in the table; the next instance runs this script too, and so goes on with it.
#
# The instance's role needs the policy iam-loader.json, and s3:GetObject and s3:ListBucket on the bucket. Have the
# instance terminate when it shuts down (instance-initiated shutdown behaviour).
set -euo pipefail

: "${BUCKET:=my-ingest-bucket}"                                # holds the wheel, and the manifests below manifests/
: "${WHEEL:=ingest_cli-0.1.0-cp311-abi3-linux_x86_64.whl}"
: "${PEPPER:=arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME}"
: "${TABLE:=breaches}"
: "${PLACE:=/opt/ingest-cli}"
: "${ATTEMPTS:=100}"                                           # at a load that says: run the same command again

dnf install --assumeyes --quiet python3.11
python3.11 -m venv "${PLACE}"
aws s3 cp --quiet "s3://${BUCKET}/${WHEEL}" "${PLACE}/${WHEEL}"
"${PLACE}/bin/pip" install --quiet "${PLACE}/${WHEEL}"
aws s3 sync --quiet "s3://${BUCKET}/manifests/" "${PLACE}/manifests/"

code=75
while ((code == 75 && ATTEMPTS-- > 0)); do
  code=0
  "${PLACE}/bin/ingest-cli" load "${PLACE}"/manifests/*.toml --table "${TABLE}" --key "secretsmanager:${PEPPER}" \
    --verbose --log-file "${PLACE}/ingest.log" --log-format json || code=$?
  # 75: interrupted or throttled out. Taken back, the instance does not live to see the end of this minute.
  if ((code == 75)); then sleep 60; fi
done

aws s3 cp --quiet "${PLACE}/ingest.log" "s3://${BUCKET}/logs/$(date --utc +%Y%m%dT%H%M%SZ)-exit-${code}.jsonl"
shutdown -h now
