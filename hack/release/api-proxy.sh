#!/usr/bin/env bash
# Writes the api module of a commit, as VERSION, into FOLDER, in the form of a Go module proxy: GOPROXY="file://$FOLDER,…".
# It stands for the module until that is published.
set -euo pipefail
version=$1 folder=$2 commit=${3:-HEAD}
module=github.com/tollkeeper/tollkeeper/api
files=$folder/$module/@v

mkdir -p "$files"
git archive --format=zip --prefix="$module@$version/" -o "$files/$version.zip" "$commit:api"
git show "$commit:api/go.mod" > "$files/$version.mod"
echo "{\"Version\":\"$version\"}" > "$files/$version.info"
