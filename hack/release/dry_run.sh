#!/usr/bin/env bash
# Releases the last commit as VERSION, such as v0.0.0-dry, to a registry on this machine, by the scripts that the workflow calls;
# verifies it as a user does, applies it to a real API server, and prints what a release contains. It pushes nothing elsewhere:
# a key of its own stands for the workflow's identity, and a folder for the module proxy. COLD=1 builds again without a cache.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD version=$1 work=$PWD/bin/release
api=github.com/tollkeeper/tollkeeper/api
[[ $version == *-dry* ]] || { echo "release-dry-run: want a version such as v0.0.0-dry, for the module cache gets it" >&2; exit 2; }

main() {
  [[ -z $(git status --porcelain) ]] || echo "release-dry-run: changes that are not committed are left out" >&2
  rm -rf "$work" && mkdir -p "$work"
  forget_api
  trap clean_up EXIT
  step "Tag $version in a clone" tag
  step "Serve a registry, make a key" prepare
  step "Build the image, its SBOMs and the files" build "$work/first"
  step "Build them again elsewhere${COLD:+, without a cache}" build_again
  step "Push and sign" in_clone hack/release/push.sh "$version" "$(<"$work/first.digest")"
  measure_images
  step "Sign the files" in_clone hack/release/sums.sh
  step "Verify as users do" in_clone hack/release/verify.sh "$version" "$(<"$work/first.digest")"
  step "See what is forged refused" refuse_forged
  step "Pull the chart" pull_chart
  step "Install from the release on a real API server" go run ./hack/release/trial -dist "$work/first/dist" -chart "$work/tollkeeper-${version#v}.tgz" -digest "$(<"$work/first.digest")"
  print_table
}

# step runs a command with its output in a log, which is shown if the command fails.
step() {
  local name=$1 start=$SECONDS
  shift
  set +e # an if would turn off the subshell's -e, too
  ( set -e; "$@" ) > "$work/log" 2>&1
  local status=$?
  set -e
  if ((status != 0)); then
    tail -n 40 "$work/log" >&2
    echo "release-dry-run: $name: failed" >&2
    exit 1
  fi
  printf '%4d s  %s\n' $((SECONDS - start)) "$name"
}

# clone makes a clone with the tools, which need not be built again.
clone() {
  git clone -q "$root" "$1"
  mkdir -p "$1/bin"
  cp -L bin/{crane,cosign,helm,kustomize} "$1/bin/"
  touch "$1"/bin/*
}

tag() {
  clone "$work/first"
  cd "$work/first"
  git config user.name release-dry-run
  git config user.email release-dry-run@localhost
  if grep -q '^## \[Unreleased\]' CHANGELOG.md; then # a release needs a section of its own
    sed -i.orig "s/^## \[Unreleased\].*/&\n\n## [${version#v}]\n\nA dry run./" CHANGELOG.md && rm CHANGELOG.md.orig
    git commit -q -m "Write the section of $version" CHANGELOG.md
  fi
  hack/release/tag.sh "$version"
  git switch -q --detach "$version"
  hack/release/check.sh "$version"
  hack/release/api-proxy.sh "$version" "$work/proxy"
  cd "$root"
  git clone -q "$work/first" "$work/again/elsewhere"
  git -C "$work/again/elsewhere" switch -q --detach "$version"
  mkdir "$work/again/elsewhere/bin" && cp "$work"/first/bin/* "$work/again/elsewhere/bin/"
}

prepare() {
  bin/crane registry serve --address 127.0.0.1:0 > "$work/registry.log" 2>&1 &
  echo $! > "$work/registry.pid"
  until grep -q 'serving on port' "$work/registry.log"; do
    kill -0 "$(<"$work/registry.pid")" || { cat "$work/registry.log"; return 1; }
    sleep 0.1
  done
  sed -n 's/.*serving on port \([0-9]*\).*/127.0.0.1:\1/p' "$work/registry.log" > "$work/registry"
  local key
  for key in cosign other; do
    (cd "$work" && COSIGN_PASSWORD='' "$root/bin/cosign" generate-key-pair --output-key-prefix "$key")
  done
}

# in_clone runs a command in the first clone, with what the workflow's environment has.
in_clone() { in_folder "$work/first" "$@"; }

in_folder() {
  local registry
  registry=$(<"$work/registry")
  cd "$1"
  shift
  IMAGE=$registry/tollkeeper CHARTS=$registry/charts GOPROXY="file://$work/proxy,$(go env GOPROXY)" GONOSUMDB=$api \
    COSIGN_PASSWORD='' COSIGN_OPTIONS="--key $work/cosign.key --use-signing-config=false --tlog-upload=false" \
    HELM_OPTIONS=--plain-http SIGNER="${SIGNER:---key $work/cosign.pub --insecure-ignore-tlog=true}" \
    GITHUB_REPOSITORY=tollkeeper/tollkeeper GITHUB_REF="refs/tags/$version" GITHUB_SHA="$(git rev-parse HEAD)" \
    GITHUB_RUN_ID=0 GITHUB_RUN_ATTEMPT=0 BUILDER=https://github.com/tollkeeper/tollkeeper/dry-run "$@"
}

build() {
  local output=$1.output digest
  : > "$output"
  in_folder "$1" hack/release/image.sh "$version" "$output"
  digest=$(sed -n 's/^digest=//p' "$output")
  echo "$digest" > "$1.digest"
  in_folder "$1" hack/release/files.sh "$version" "$digest"
}

# build_again builds at another path, and compares every file.
build_again() {
  [[ -z ${COLD:-} ]] || export GOCACHE=$work/cache
  build "$work/again/elsewhere"
  for folder in first again/elsewhere; do
    (cd "$work/$folder/dist" && find . -type f | sort | xargs sha256sum) > "$work/${folder%/*}.sums"
  done
  diff "$work/first.sums" "$work/again.sums"
}

# measure_images notes what a node downloads of each platform, and how much of the disk the image takes.
measure_images() {
  local registry arch manifest
  registry=$(<"$work/registry")
  for arch in amd64 arm64; do
    manifest=$(bin/crane manifest --platform "linux/$arch" "$registry/tollkeeper:$version")
    printf 'image linux/%s (unpacked: %d)\t%d\t%s\n' "$arch" "$(wc -c < "$work/first/bin/manager-linux-$arch")" \
      "$(jq '[.config.size, .layers[].size] | add' <<< "$manifest")" "$(bin/crane digest --platform "linux/$arch" "$registry/tollkeeper:$version")"
  done > "$work/images"
}

# refuse_forged checks that verify.sh finds another signer, and a file that was changed.
refuse_forged() {
  local digest
  digest=$(<"$work/first.digest")
  if SIGNER="--key $work/other.pub --insecure-ignore-tlog=true" in_clone hack/release/verify.sh "$version" "$digest"; then
    echo "the signature of another key is accepted" && return 1
  fi
  cd "$root" && cp "$work/first/dist/install.yaml" "$work/install.yaml"
  echo '# changed' >> "$work/first/dist/install.yaml"
  if in_clone hack/release/verify.sh "$version" "$digest"; then
    echo "a changed file is accepted" && return 1
  fi
  cd "$root" && cp "$work/install.yaml" "$work/first/dist/install.yaml"
}

pull_chart() {
  bin/helm pull "oci://$(<"$work/registry")/charts/tollkeeper" --version "${version#v}" --plain-http --destination "$work"
  cmp "$work/tollkeeper-${version#v}.tgz" "$work/first/dist/tollkeeper-${version#v}.tgz"
}

print_table() {
  echo
  {
    printf 'artifact\tbytes\tdigest\n'
    printf 'image, all platforms\t-\t%s\n' "$(<"$work/first.digest")"
    cat "$work/images"
    cd "$work/first/dist"
    for file in *; do
      printf '%s\t%d\tsha256:%s\n' "$file" "$(wc -c < "$file")" "$(sha256sum "$file" | cut -d ' ' -f 1)"
    done
  } | column -t -s $'\t'
  echo "The files are in bin/release/first/dist. Built twice, every file is the same."
}

# forget_api takes the version out of Go's module cache: the next dry run gives it other content.
forget_api() {
  local cache
  cache=$(go env GOMODCACHE)
  chmod -R u+w "$cache/$api@$version" 2> /dev/null || true
  rm -rf "$cache/$api@$version" "$cache/cache/download/$api/@v/$version".*
}

clean_up() {
  [[ ! -f $work/registry.pid ]] || kill "$(<"$work/registry.pid")" 2> /dev/null || true
  rm -rf "$work/cache"
  forget_api
}

main
