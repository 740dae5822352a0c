#!/usr/bin/env bash
# Writes the other files of the release VERSION into dist: the manifests and the chart, which name the image by DIGEST, and
# the kubectl plugin for each platform with its krew manifest.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1 digest=$2 image=${IMAGE:-ghcr.io/tollkeeper/tollkeeper}

make build-installer CONFIG=default IMG="$image:$version@$digest"
mv dist/install.yaml dist/install-combined.yaml
make build-installer IMG="$image:$version@$digest"
make chart VERSION="$version" DIGEST="$digest"
make krew VERSION="$version"
mv dist/krew/* dist/
rmdir dist/krew
