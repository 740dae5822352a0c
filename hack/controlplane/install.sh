#!/usr/bin/env bash
# Installs the pinned etcd, kube-apiserver and kubectl into bin/k8s, unless they are there already. It downloads them
# with setup-envtest, or, if that fails, builds them from their Go modules. CONTROLPLANE_SOURCE=build skips the
# download.
set -euo pipefail

cd "$(dirname "$0")"
readonly bin=$(cd ../.. && pwd)/bin
readonly tools=(etcd kube-apiserver kubectl)
readonly version=$(awk '$1 == "k8s.io/kubernetes" && $2 ~ /^v/ { print $2 }' go.mod)
readonly release=${version#v}
readonly minor=${release%.*}

main() {
  if installed; then
    echo "Control plane $version is already in bin/k8s."
    return
  fi

  mkdir -p "$bin"
  work=$(mktemp -d "$bin/.k8s.XXXXXX")
  trap cleanup EXIT
  trap 'exit 130' INT TERM
  mkdir "$work/k8s"

  download || build
  verify
  echo "$version" >"$work/k8s/VERSION"
  rm -rf "$bin/k8s"
  mv "$work/k8s" "$bin/k8s"
  echo "Control plane $version is ready in bin/k8s."
}

installed() {
  [[ -f $bin/k8s/VERSION && $(<"$bin/k8s/VERSION") == "$version" ]] || return 1
  for tool in "${tools[@]}"; do
    [[ -x $bin/k8s/$tool ]] || return 1
  done
}

# download accepts any patch release of the minor version, because setup-envtest does not have all of them.
download() {
  [[ ${CONTROLPLANE_SOURCE:-} != build ]] || return 1
  local envtest=$work/setup-envtest
  if ! supervise "Building setup-envtest" 300 go -C ../tools/setup-envtest build -o "$envtest" tool ||
    ! supervise "Downloading the control plane $minor" 120 "$envtest" use "$minor.x" --bin-dir "$work/envtest"; then
    echo "The download failed ($(tail -n 1 "$work/log" | cut -c 1-160))."
    return 1
  fi
  for tool in "${tools[@]}"; do
    find "$work/envtest" -type f -name "$tool" -exec mv {} "$work/k8s/" \;
  done
}

build() {
  echo "Building the control plane $version from source: about 8 minutes on 2 cores the first time."
  local info=k8s.io/component-base/version
  local flags="-s -w -X $info.gitVersion=$version -X $info.gitMajor=${minor%.*} -X $info.gitMinor=${minor#*.}"
  local packages=(go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl)
  for i in "${!tools[@]}"; do
    supervise "[$((i + 1))/${#tools[@]}] Building ${tools[i]}" 0 \
      go build -v -trimpath -ldflags "$flags" -o "$work/k8s/${tools[i]}" "${packages[i]}" ||
      fail "building ${tools[i]} failed" \
        "Check that the Go module proxy can be reached (go env GOPROXY) and that the disk is not full. Then run" \
        "'make controlplane' again: it continues with what is already in Go's build cache."
  done
}

verify() {
  for tool in "${tools[@]}"; do
    local arguments=(--version)
    if [[ $tool == kubectl ]]; then
      arguments=(version --client)
    fi
    "$work/k8s/$tool" "${arguments[@]}" >"$work/log" 2>&1 ||
      fail "$tool does not run" "Run 'CONTROLPLANE_SOURCE=build make controlplane' to build it for this machine."
    echo "  $tool: $(head -n 1 "$work/log")"
  done
}

# supervise LABEL LIMIT COMMAND... runs a command with its output in a log, prints the last line of the log every 15
# seconds, and stops the command after LIMIT seconds (0: never).
supervise() {
  local label=$1 limit=$2 start=$SECONDS status=0
  shift 2
  echo "$label"
  "$@" >"$work/log" 2>&1 &
  child=$!
  for ((tick = 1; ; tick++)); do
    sleep 1
    kill -0 "$child" 2>/dev/null || break
    if ((tick % 15 == 0)); then
      printf '  %4d s  %s\n' $((SECONDS - start)) "$(tail -n 1 "$work/log" | cut -c 1-100)"
    fi
    if ((limit > 0 && tick >= limit)); then
      kill "$child"
      echo "stopped after $limit s" >>"$work/log"
      break
    fi
  done
  wait "$child" || status=$?
  child=
  ((status == 0)) && echo "  done in $((SECONDS - start)) s" || echo "  failed after $((SECONDS - start)) s"
  return "$status"
}

fail() {
  {
    echo "controlplane: $1. The end of its output:"
    tail -n 20 "$work/log" | sed 's/^/  | /'
    shift
    printf '%s\n' "$@"
  } >&2
  exit 1
}

cleanup() {
  if [[ -n ${child:-} ]]; then
    kill "$child" 2>/dev/null || true
  fi
  rm -rf "$work"
}

main
