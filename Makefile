IMG            ?= ghcr.io/tollkeeper/tollkeeper:latest
VERSION        ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
CONTAINER_TOOL ?= docker
KUBECTL        ?= $(shell command -v kubectl || echo bin/k8s/kubectl)

# The modules of the repository, apart from the tools. What is done for the code is done in each of them.
MODULES := . api examples/tenant-controller
in_each  = for module in $(MODULES); do ( cd $$module; $(1) ); done

SHELL         := /usr/bin/env bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ General

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build plugin bin/tenant-controller controlplane ## Play eleven stories of customers on a local control plane. KEEP=1 leaves it running, FLAGS=… adds flags of the operator.
	go run ./hack/demo

.PHONY: tutorial
tutorial: build plugin bin/tenant-controller controlplane ## Follow the README and the tutorial on the demo, a new one for each. WRITE=1 updates what they show.
	go build -o bin/demo ./hack/demo
	bin/demo -follow=README.md $(WRITE:%=-write)
	bin/demo -follow=docs/tutorial.md $(WRITE:%=-write)

##@ Development

GENERATORS := object:headerFile=hack/boilerplate.go.txt crd rbac:roleName=manager-role
GENERATORS += paths=./api/... paths=./internal/...

# The event types of the newest stripe-go. It has a module of its own, as the operator stays with its version of stripe-go.
STRIPE_TYPES = internal/events/stripe_types.txt
stripe_types = (cd hack/tools/stripe-types && go run .)

.PHONY: generate
generate: bin/controller-gen ## Write deep copies, CRDs, the manager's role, the chart's files, Stripe's event types and documentation.
	bin/controller-gen $(GENERATORS) output:crd:dir=config/crd/bases output:rbac:dir=config/rbac
	$(stripe_types) > bin/stripe_types.txt && mv bin/stripe_types.txt $(STRIPE_TYPES)
	hack/chart/files.sh charts/tollkeeper/files
	go run ./hack/chart/schema
	go run ./hack/docs

.PHONY: fmt
fmt: bin/golangci-lint ## Format the code.
	$(call in_each,$(CURDIR)/bin/golangci-lint fmt)

.PHONY: lint
lint: bin/golangci-lint ## Lint the code and its tests.
	$(call in_each,$(CURDIR)/bin/golangci-lint run)

.PHONY: verify
verify: bin/controller-gen bin/helm bin/kustomize bin/glua ## Check that generated files, the chart and go.mod are current. Changes nothing.
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh"' EXIT; stale=0; \
	bin/controller-gen $(GENERATORS) output:object:dir=$$fresh/api/v1alpha1 \
	  output:crd:dir=$$fresh/config/crd/bases output:rbac:dir=$$fresh/config/rbac; \
	for file in $$( (cd "$$fresh" && find api config -type f; cd "$(CURDIR)" && find config/crd/bases -type f) | sort -u); do \
	  diff -uN "$$file" "$$fresh/$$file" || { echo "verify: $$file is stale: run \`make generate\`" >&2; stale=1; }; \
	done; \
	$(stripe_types) | diff -u $(STRIPE_TYPES) - || { echo "verify: $(STRIPE_TYPES) is stale: run \`make generate\`" >&2; stale=1; }; \
	go test -count=1 ./test/chart || { echo "verify: the chart differs from config/: run \`make generate\`, and see above" >&2; stale=1; }; \
	go run ./hack/chart/schema -check || stale=1; \
	go run ./hack/docs -check || { echo "verify: the documentation is stale: run \`make generate\`" >&2; stale=1; }; \
	for module in $(MODULES); do \
	  (cd $$module && go mod tidy -diff) || { echo "verify: $$module/go.mod or go.sum is stale: run \`go mod tidy\`" >&2; stale=1; }; \
	done; \
	exit $$stale

# Tests of the requests to Stripe use stripe-mock, which Stripe makes from its own description of the API. Tests of the archive
# use versitygw, an S3 server over a folder.
test test-unit: export STRIPE_MOCK = $(CURDIR)/bin/stripe-mock
test test-unit test-one: export VERSITYGW = $(CURDIR)/bin/versitygw

.PHONY: test-unit
test-unit: bin/stripe-mock bin/versitygw ## Run every test that needs no control plane, without the race detector. For the inner loop.
	$(call in_each,go test $$(go list ./... | grep -vE '/(test/integration|test/chart|test/upgrade|test/nodes|internal/projection)$$'))
	go test ./internal/projection -order.permutations=1000

.PHONY: test-one
test-one: controlplane bin/versitygw ## Run the integration test T, such as T=TestResyncRepairs, against a real API server.
	@grep -qE '^func $(firstword $(subst /, ,$(T)) none)\(' test/integration/*_test.go || \
	  { echo "test-one: test/integration has no test '$(T)': try make test-one T=TestResyncRepairs" >&2; exit 1; }
	KUBEBUILDER_ASSETS=$(CURDIR)/bin/k8s go test ./test/integration -count=1 -v -run '^$(T)$$'

.PHONY: test
test: controlplane bin/stripe-mock bin/versitygw bin/promtool bin/helm bin/kustomize bin/glua ## Run every test, with the race detector, against a real API server.
	export KUBEBUILDER_ASSETS=$(CURDIR)/bin/k8s; $(call in_each,go test -race -timeout 30m $$(go list ./... | grep -E '/test/integration$$') $$(go list ./... | grep -vE '/test/(integration|upgrade|nodes)$$'))

.PHONY: test-upgrade
test-upgrade: build controlplane ## Take objects of the release before this one through upgrade and rollback, with the managers of both.
	@hack/previous/build.sh
	KUBEBUILDER_ASSETS=$(CURDIR)/bin/k8s go test -count=1 -v ./test/upgrade

.PHONY: test-nodes
test-nodes: controlplane bin/nodes/kube-controller-manager bin/nodes/kube-scheduler bin/kwok bin/helm build plugin bin/tenant-controller ## Test what needs nodes, for which kwok stands: readiness, rollouts, evictions, the first hour.
	KUBEBUILDER_ASSETS=$(CURDIR)/bin/k8s go test ./test/nodes -count=1 -v -timeout 20m

.PHONY: test-alerts
test-alerts: bin/promtool ## Check that every alert fires when it must, and only then.
	@mkdir -p bin/alerts && cp test/alerts/*_test.yaml bin/alerts/
	@sed '1,/^spec:$$/d; s/^  //' config/prometheus/alerts.yaml > bin/alerts/rules.yaml
	@cd bin/alerts && ../promtool check rules --lint=all --lint-fatal rules.yaml && ../promtool test rules *_test.yaml

.PHONY: test-order
test-order: N ?= 1000000
test-order: ## Fold the events of generated lives in N random orders; every order must give the same statuses.
	go test ./internal/projection -run '^TestOrder$$' -v -timeout 0 -order.permutations=$(N)

# The recipes build the program and then exec it: it takes the place of the shell, so that a signal to make reaches it.
build_chaos = go build -o bin/chaos ./test/chaos

.PHONY: chaos
chaos: DURATION ?= 2m
chaos: controlplane ## Kill, stop and cut off everything at random for DURATION; nothing may be lost. SEED repeats a run.
	@$(build_chaos)
	@exec bin/chaos -duration=$(DURATION) $(SEED:%=-seed=%) $(RATE:%=-rate=%) $(PLANT:%=-plant=%)

.PHONY: soak
soak: ## The same for an hour, with 60,000 events; DURATION=8h RATE=0.2 for a night.
	@$(MAKE) --no-print-directory chaos DURATION=$(or $(DURATION),60m) RATE=$(or $(RATE),0.45)

.PHONY: chaos-finds
chaos-finds: controlplane ## Check that chaos finds each of two planted faults, and that no other failure passes for one.
	@$(build_chaos)
	@exec bin/chaos -duration=45s -seed=3 -plant=ack-before-create -finds
	@exec bin/chaos -duration=45s -seed=3 -rate=1.5 -plant=second-writer -finds

.PHONY: failover
failover: controlplane ## Measure how long events wait after the leader, the API server or etcd fails.
	@$(build_chaos)
	@exec bin/chaos -failover=5

# Go fails a target whose time ends while it minimizes an input that is new, not one that fails. So it does not minimize.
.PHONY: fuzz
fuzz: FUZZTIME ?= 30s
fuzz: ## Run every fuzz target for FUZZTIME.
	@packages=$$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./internal/...); \
	for package in $$packages; do \
	  listed=$$(go test -list '^Fuzz' "$$package"); \
	  for target in $$(sed -n '/^Fuzz/p' <<< "$$listed"); do \
	    echo "$$package $$target"; go test "$$package" -run '^$$' -fuzz "^$$target$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=1x < /dev/null; \
	  done; \
	done

.PHONY: bench
bench: controlplane ## Measure what the operator costs the API server, as ratios of the raw limit. BENCH=-help lists flags.
	go build -o bin/load ./test/load
	exec bin/load $(BENCH)

.PHONY: retention-bench
retention-bench: EVENTS ?= 100000
retention-bench: controlplane ## Archive and delete EVENTS old events while a load flows: none is lost, and what it costs the receiver.
	go build -o bin/load ./test/load
	exec bin/load -retention=$(EVENTS) -out=bin/bench/retention $(BENCH)

BENCHMARKED = $$(git grep -l '^func Benchmark' -- 'internal/*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|')

.PHONY: bench-code
bench-code: ## Run the Go benchmarks: verify a signature, decode, fold, decide.
	go test -run='^$$' -bench=. -benchmem $(BENCHMARKED)

# The benchmarks of both versions run in turn, so that a machine that slows down slows both.
.PHONY: bench-compare
bench-compare: BASE ?= main
bench-compare: COUNT ?= 6
bench-compare: bin/benchstat ## Compare the Go benchmarks with those of BASE, by benchstat.
	@rm -rf bin/bench/base bin/bench/base.txt bin/bench/here.txt && mkdir -p bin/bench
	@git worktree prune && git worktree add --quiet --detach bin/bench/base $(BASE)
	@trap 'git worktree remove --force bin/bench/base' EXIT; \
	for _ in $$(seq $(COUNT)); do \
	  (cd bin/bench/base && go test -run='^$$' -bench=. -benchmem $(BENCHMARKED)) >> bin/bench/base.txt; \
	  go test -run='^$$' -bench=. -benchmem $(BENCHMARKED) >> bin/bench/here.txt; \
	done; \
	bin/benchstat base=bin/bench/base.txt here=bin/bench/here.txt

.PHONY: govulncheck
govulncheck: bin/govulncheck ## Report known vulnerabilities in the code that is called.
	$(call in_each,$(CURDIR)/bin/govulncheck ./...)

##@ Build

.PHONY: build
build: ## Build the manager into bin/manager.
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/manager ./cmd

.PHONY: bin/tenant-controller
bin/tenant-controller:
	cd examples/tenant-controller && go build -o $(CURDIR)/$@ .

.PHONY: plugin
plugin: ## Build the kubectl plugin into bin/kubectl-tollkeeper.
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/kubectl-tollkeeper ./cmd/kubectl-tollkeeper

PLATFORMS ?= linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64
PLUGINS    = $(PLATFORMS:%=bin/plugin/%/kubectl-tollkeeper)

.PHONY: $(PLUGINS)
$(PLUGINS): bin/plugin/%/kubectl-tollkeeper:
	CGO_ENABLED=0 GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) go build -trimpath -buildvcs=false \
	  -ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./cmd/kubectl-tollkeeper

.PHONY: krew
krew: $(PLUGINS) ## Write the plugin's archives for PLATFORMS and its krew manifest into dist/krew.
	go run ./hack/krew -version "$(VERSION)" -out dist/krew $(foreach platform,$(PLATFORMS),$(platform)=bin/plugin/$(platform)/kubectl-tollkeeper)

ARCHS ?= amd64 arm64
BINARIES = $(ARCHS:%=bin/manager-linux-%)

# The same commit, VERSION and Go give the same bytes everywhere.
.PHONY: $(BINARIES)
$(BINARIES): bin/manager-linux-%:
	CGO_ENABLED=0 GOOS=linux GOARCH=$* go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./cmd

.PHONY: image
image: $(BINARIES) ## Write the image of every platform into dist/image, an OCI layout, with SBOMs. Print its digest.
	@go run ./hack/image -version "$(VERSION)" -revision "$$(git rev-parse HEAD)" -created "$$(git log -1 --format=%ct)" \
	  $(foreach arch,$(ARCHS),$(arch)=bin/manager-linux-$(arch))

.PHONY: docker-build
docker-build: ARCH = $(shell go env GOARCH)
docker-build: ## Build the image IMG, for this machine's platform or ARCH.
	$(MAKE) bin/manager-linux-$(ARCH)
	$(CONTAINER_TOOL) build --platform linux/$(ARCH) --build-arg BINARY=bin/manager-linux-$(ARCH) -t $(IMG) .

.PHONY: docker-push
docker-push: ## Push the image IMG.
	$(CONTAINER_TOOL) push $(IMG)

.PHONY: build-installer
build-installer: bin/kustomize ## Write dist/install.yaml: CRDs, roles and the manager, with the image IMG. CONFIG=default: combined.
	mkdir -p dist
	$(render) > dist/install.yaml

.PHONY: release-dry-run
release-dry-run: VERSION = v0.0.0-dry
release-dry-run: bin/crane bin/cosign bin/helm bin/kustomize controlplane ## Release the last commit up to the push, to a registry on this machine, and verify it. COLD=1 builds again without a cache.
	hack/release/dry_run.sh $(VERSION)

# Helm wants a semantic version without v. It packs the times of the files: with the commit's, the same bytes come out everywhere.
.PHONY: chart
chart: bin/helm ## Package the Helm chart into dist, with the version VERSION and the image's DIGEST.
	@rm -rf bin/chart && mkdir -p bin dist && cp -r charts/tollkeeper bin/chart
	@sed -i.orig 's/^  digest: ""$$/  digest: "$(DIGEST)"/' bin/chart/values.yaml && rm bin/chart/values.yaml.orig
	@find bin/chart -type f -exec env TZ=UTC touch -t "$$(TZ=UTC git log -1 --date=format-local:%Y%m%d%H%M.%S --format=%cd)" {} +
	bin/helm package bin/chart --version "$(VERSION:v%=%)" --app-version "$(VERSION)" --destination dist

##@ Cluster

# render prints the manifests of config/$(CONFIG) with the image IMG. It changes no tracked file.
# CONFIG=split runs the receiver in pods of its own, CONFIG=default everything in the same pods.
CONFIG ?= split
render = ( rm -rf bin/overlay && mkdir -p bin/overlay && cd bin/overlay && \
  ../kustomize create --resources ../../config/$(CONFIG) && \
  ../kustomize edit set image ghcr.io/tollkeeper/tollkeeper=$(IMG) && ../kustomize build )

.PHONY: install
install: bin/kustomize $(filter bin/%,$(KUBECTL)) ## Install the CRDs. DRY_RUN=server only checks them.
	bin/kustomize build config/crd | $(KUBECTL) apply --server-side $(DRY_RUN:%=--dry-run=%) -f -

# confirm asks before data is deleted: on this machine kubectl may lead to another cluster than you think. undeploy deletes none,
# unless DATA=delete says so.
.PHONY: confirm
confirm:
	@case "$(YES)$(filter client server,$(DRY_RUN))" in \
	  "") \
	    echo "This deletes Tollkeeper's CRDs from the cluster of the context '$$($(KUBECTL) config current-context 2>/dev/null || echo unknown)'," \
	      "with every customer, subscription and recorded event." >&2; \
	    read -r -p "Type yes to delete them: " answer || true; \
	    [ "$${answer:-}" = yes ] || { echo "Nothing is deleted. YES=1 answers in scripts." >&2; exit 1; };; \
	esac

.PHONY: uninstall
uninstall: confirm bin/kustomize $(filter bin/%,$(KUBECTL)) ## Delete the CRDs and with them every billing resource. Asks first; YES=1 answers.
	bin/kustomize build config/crd | $(KUBECTL) delete --ignore-not-found $(DRY_RUN:%=--dry-run=%) -f -

.PHONY: deploy
deploy: bin/kustomize $(filter bin/%,$(KUBECTL)) ## Install CRDs and manager, with the image IMG. DRY_RUN=server only checks (the namespace must exist).
	$(render) | $(KUBECTL) apply --server-side $(DRY_RUN:%=--dry-run=%) -f -

# without_data prints the manifests of render without what holds data: the CRDs, and the namespace.
drop = ../kustomize edit add patch --kind $(1) --patch '{"apiVersion": "$(2)", "kind": "$(1)", "metadata": {"name": "any"}, "$$patch": "delete"}'
without_data = ( $(render) > /dev/null && cd bin/overlay && \
  $(call drop,CustomResourceDefinition,apiextensions.k8s.io/v1) && $(call drop,Namespace,v1) && ../kustomize build )

DATA ?= keep

.PHONY: undeploy
undeploy: $(if $(filter delete,$(DATA)),confirm) bin/kustomize $(filter bin/%,$(KUBECTL)) ## Delete the manager. CRDs, billing resources and namespace stay. DATA=delete deletes them too; asks first; YES=1 answers.
	$(if $(filter delete,$(DATA)),$(render),$(without_data)) | $(KUBECTL) delete --ignore-not-found $(DRY_RUN:%=--dry-run=%) -f -

##@ Tools

.PHONY: controlplane
controlplane: ## Put etcd, kube-apiserver and kubectl into bin/k8s. CONTROLPLANE_SOURCE=build skips the download.
	@hack/controlplane/install.sh

bin/k8s/kubectl: hack/controlplane/go.mod
	@hack/controlplane/install.sh && touch $@

# Kubernetes' own, of the control plane's version. No download has them.
bin/nodes/%: hack/controlplane/go.mod
	@echo "Building $*"
	@mkdir -p $(@D)
	version=$$(awk '$$1 == "k8s.io/kubernetes" && $$2 ~ /^v/ { print $$2 }' $<) && go build -C $(<D) -trimpath \
	  -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$$version" -o $(CURDIR)/$@ k8s.io/kubernetes/cmd/$*

# Service discovery, which the tests of alerts do not use, would make the build many times as long.
bin/promtool: export GOFLAGS := $(GOFLAGS) -tags=remove_all_sd

# Every tool has its own module, so that no tool changes the dependencies of another. A new version rebuilds it.
bin/%: hack/tools/%/go.mod
	@echo "Building $*"
	cd $(<D) && go build -o $(CURDIR)/$@ tool && touch $(CURDIR)/$@
