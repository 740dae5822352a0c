#!/usr/bin/env bash
# Builds the release before this one into bin/previous: its manager, and its CRDs. The test of upgrade and rollback runs them.
# That release is the newest tag before HEAD. Before the first release, a fixed commit stands in for it. With --name it prints
# the tag or commit, and builds nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."

# The state of 2026-11-29, 01:11: statuses were not written as a whole, and kept the positions of their parts as objects.
readonly standin=55828ad4974ca34439091bfbaf66ab4d0931eb90

out=bin/previous
previous=$(git describe --tags --abbrev=0 --match 'v[0-9]*' 'HEAD^' 2>/dev/null || echo "$standin")
if [[ ${1:-} == --name ]]; then
  echo "$previous"
  exit 0
fi
if [[ $(cat "$out/of" 2>/dev/null) == "$previous" && -x $out/manager && -d $out/crds ]]; then
  exit 0
fi
if ! git cat-file -e "$previous^{commit}" 2>/dev/null; then
  echo "previous: the release before this one, $previous, is not in this clone. Fetch it:" >&2
  if [[ $(git rev-parse --is-shallow-repository) == true ]]; then
    echo "  git fetch --unshallow --tags" >&2
  else
    echo "  git fetch --tags origin" >&2
  fi
  exit 1
fi

echo "Building the manager of $previous" >&2
rm -rf "$out"
mkdir -p "$out/source"
git archive "$previous" | tar -x -C "$out/source"
(cd "$out/source" && go build -trimpath -o ../manager ./cmd)
mv "$out/source/config/crd/bases" "$out/crds"
rm -r "$out/source"
echo "$previous" > "$out/of"
