#!/usr/bin/env bash
# Builds the image of VERSION and its SBOMs into dist, with Go alone, and adds digest=sha256:… to the file OUTPUT.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1 output=$2

make image VERSION="$version"
sum=$(sha256sum dist/image/index.json | cut -d ' ' -f 1)
echo "digest=sha256:$sum" >> "$output"
