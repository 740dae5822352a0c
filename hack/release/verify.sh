#!/usr/bin/env bash
# Verifies what was pushed and what is in dist, with the commands of SECURITY.md, as a user does. SIGNER are cosign's options that
# name the signer: an identity, or a key.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1 digest=$2
: "${IMAGE:?}" "${CHARTS:?}" "${SIGNER:?}"
read -ra signer <<< "$SIGNER"

bin/cosign verify "${signer[@]}" "$IMAGE@$digest" > bin/verified.json
bin/cosign verify-attestation "${signer[@]}" --type slsaprovenance1 "$IMAGE@$digest" > bin/verified.json
bin/cosign verify-attestation "${signer[@]}" --type spdxjson "$IMAGE@$digest" > bin/verified.json
bin/cosign verify "${signer[@]}" "$CHARTS/tollkeeper:${version#v}" > bin/verified.json
bin/cosign verify-blob "${signer[@]}" --bundle dist/SHA256SUMS.sigstore.json dist/SHA256SUMS
(cd dist && sha256sum --check --quiet SHA256SUMS)
