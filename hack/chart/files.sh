#!/usr/bin/env bash
# Copies what the Helm chart takes as it is from config/ into the folder $1. Helm reads files of the chart's folder only.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly out=$1

rm -rf "$out"
copy() { # copy FOLDER FILE…
  mkdir -p "$out/$1"
  cp "${@:2}" "$out/$1/"
}

copy crd config/crd/bases/*.yaml
copy policy config/policy/*.yaml
copy rbac config/rbac/*role*.yaml
copy receiver config/split/receiver/rbac.yaml
copy prometheus config/prometheus/{account,alerts}.yaml
if compgen -G 'config/grafana/*.json' >/dev/null; then
  copy grafana config/grafana/*.json
fi
rm "$out/policy/kustomization.yaml"
