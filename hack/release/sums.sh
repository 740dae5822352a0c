#!/usr/bin/env bash
# Leaves in dist the files that are published, with their signed checksums. COSIGN_OPTIONS replaces the keyless signature.
set -euo pipefail
cd "$(dirname "$0")/../.."
read -ra cosign_options <<< "${COSIGN_OPTIONS:-}"

rm -r dist/image
(cd dist && sha256sum -- * > SHA256SUMS)
bin/cosign sign-blob --yes "${cosign_options[@]}" --bundle dist/SHA256SUMS.sigstore.json dist/SHA256SUMS
