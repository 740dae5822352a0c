#!/usr/bin/env bash
# Makes the commit of a release, VERSION such as v1.2.3, with its two tags, and pushes nothing.
#
# `go install` refuses a module with a replace. So the commit that is tagged requires the api module of the same version
# instead, and the commit after it takes that back. The api module is not published then: its hash in go.sum comes from
# the files of this commit, as Go computes it for every user.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=${1:-}
module=github.com/tollkeeper/tollkeeper/api

[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?$ ]] || { echo "release: want a version such as v1.2.3" >&2; exit 2; }
[[ -z $(git status --porcelain) ]] || { echo "release: there are changes that are not committed" >&2; exit 1; }

proxy=$(mktemp -d)
trap 'rm -rf "$proxy"' EXIT
hack/release/api-proxy.sh "$version" "$proxy"

go mod edit -dropreplace="$module" -require="$module@$version"
GOPROXY="file://$proxy,$(go env GOPROXY)" GONOSUMDB="$module" GOFLAGS=-mod=mod go mod tidy
git commit -q -m "Release $version" go.mod go.sum
git tag "api/$version"
git tag "$version"
git revert --no-edit HEAD > /dev/null
echo "Tagged $version and api/$version. To release: git push --atomic origin HEAD:main api/$version $version"
