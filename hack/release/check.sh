#!/usr/bin/env bash
# Checks that the commit checked out may be released as VERSION: the api module has the same version, so that go install works.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1

test "$(git rev-parse "api/$version^{commit}")" = "$(git rev-parse HEAD)" ||
  { echo "release: the tag api/$version is not on this commit: make both with hack/release/tag.sh" >&2; exit 1; }
grep -q "tollkeeper/api $version\$" go.mod ||
  { echo "release: go.mod does not require the api module $version" >&2; exit 1; }
! grep -q '^replace' go.mod ||
  { echo "release: go.mod has a replace, which go install refuses" >&2; exit 1; }
