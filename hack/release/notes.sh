#!/usr/bin/env bash
# Prints what CHANGELOG.md says about VERSION, such as v1.2.3: the notes of its release. Fails if it says nothing. The notes are
# not read beside the files: links to these lead to their state in the version.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=${1:?want a version such as v1.2.3}

notes=$(awk -v heading="## [${version#v}]" '
  /^## / { isWanted = index($0, heading) == 1; next }
  isWanted' CHANGELOG.md)
[[ $notes =~ [^[:space:]] ]] || {
  echo "release: CHANGELOG.md has no section \"## [${version#v}] - $(date -u +%F)\": move there what \"## [Unreleased]\" says" >&2
  exit 1
}
sed -E "s#\]\(([^):\#][^):]*)\)#](https://github.com/tollkeeper/tollkeeper/blob/$version/\1)#g" <<< "$notes"
