#!/usr/bin/env bash
# Pushes the image and the chart of VERSION from dist, and signs both, the image's SBOMs and its provenance. The image must have
# the DIGEST that the build found. The signatures are keyless; COSIGN_OPTIONS replaces that. It runs crane, cosign, helm and jq.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$1 digest=$2
: "${IMAGE:?}" "${CHARTS:?}"
read -ra cosign_options <<< "${COSIGN_OPTIONS:-}"
read -ra helm_options <<< "${HELM_OPTIONS:-}"

echo "${digest#sha256:}  dist/image/index.json" | sha256sum --check
bin/crane push --index dist/image "$IMAGE:$version"
test "$(bin/crane digest "$IMAGE:$version")" = "$digest"

jq -n '{
  buildDefinition: {
    buildType: "https://actions.github.io/buildtypes/workflow/v1",
    externalParameters: {workflow: {ref: env.GITHUB_REF, repository: "https://github.com/\(env.GITHUB_REPOSITORY)", path: ".github/workflows/release.yml"}},
    resolvedDependencies: [{uri: "git+https://github.com/\(env.GITHUB_REPOSITORY)@\(env.GITHUB_REF)", digest: {gitCommit: env.GITHUB_SHA}}]
  },
  runDetails: {
    builder: {id: (env.BUILDER // "https://github.com/actions/runner/github-hosted")},
    metadata: {invocationId: "https://github.com/\(env.GITHUB_REPOSITORY)/actions/runs/\(env.GITHUB_RUN_ID)/attempts/\(env.GITHUB_RUN_ATTEMPT)"}
  }
}' > bin/provenance.json
bin/cosign sign --yes "${cosign_options[@]}" "$IMAGE@$digest"
bin/cosign attest --yes "${cosign_options[@]}" --type slsaprovenance1 --predicate bin/provenance.json "$IMAGE@$digest"
bin/cosign attest --yes "${cosign_options[@]}" --type spdxjson --predicate dist/sbom-amd64.spdx.json "$IMAGE@$digest"
bin/cosign attest --yes "${cosign_options[@]}" --type spdxjson --predicate dist/sbom-arm64.spdx.json "$IMAGE@$digest"

bin/helm push "${helm_options[@]}" "dist/tollkeeper-${version#v}.tgz" "oci://$CHARTS"
bin/cosign sign --yes "${cosign_options[@]}" "$CHARTS/tollkeeper@$(bin/crane digest "$CHARTS/tollkeeper:${version#v}")"
