package nodes

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// Every command of the first hour in docs/install.md works as printed, for each way to install, from an empty cluster to a
// tenant's namespace and alerts.
func TestTheFirstHour(t *testing.T) {
	for _, way := range []string{"Helm", "kustomize", "GitOps"} {
		t.Run(way, func(t *testing.T) {
			t.Cleanup(func() { leave(t) })
			must(t, "kubectl create namespace monitoring && kubectl apply --server-side -f -", prometheusKinds)
			h := &hour{t: t, world: NewWorld(time.Now().Add(-time.Minute), New, 3)}
			h.stripe = NewAPI(h.key(), h.world)
			outside := h.outside(t)
			if way == "GitOps" {
				actAsFlux(t)
			}
			out, err := shell(t.Context(), h.script(t, way), "", outside...)
			t.Logf("%s", out)
			if err != nil {
				t.Fatal(err)
			}
			for _, shown := range []string{"customer.subscription.created", "SubscriptionActive", "active", "servicemonitor.monitoring.coreos.com/tollkeeper-metrics"} {
				if !strings.Contains(out, shown) {
					t.Errorf("the commands do not show %q", shown)
				}
			}
		})
	}
}

// hour is what takes the place of the world outside of the cluster.
type hour struct {
	t      *testing.T
	world  *World
	stripe *API
	pods   pods
}

// key is the key that the page's sk_test_... stands for.
func (*hour) key() string { return "sk_test_theFirstHour" }

// script is every command of the page's section for the way. Only what cannot be there is replaced.
func (h *hour) script(t *testing.T, way string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(controlplane.Root(), "docs", "install.md"))
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)\n## The first hour\n.*?\n## `).FindString(string(page))
	heading := ""
	script := "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n"
	for _, part := range regexp.MustCompile("(?ms)^#+ [^\n]*|^```sh\n.*?^```").FindAllString(section, -1) {
		if strings.HasPrefix(part, "#") {
			heading = part
			continue
		}
		if other, isWay := strings.CutPrefix(heading, "#### "); isWay && other != way {
			continue
		}
		commands := strings.TrimSuffix(strings.TrimPrefix(part, "```sh\n"), "```")
		script += regexp.MustCompile(`(?m)^.*# not tested.*\n`).ReplaceAllString(commands, "")
	}
	if strings.Count(script, "\n") < 15 {
		t.Fatalf("the first hour is\n%s", script)
	}
	rendered := filepath.Join(t.TempDir(), "install.yaml")
	if err := os.WriteFile(rendered, []byte(must(t, "kubectl kustomize config/split", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(
		`oci://ghcr.io/tollkeeper/charts/tollkeeper --version "$VERSION"`, "charts/tollkeeper --take-ownership",
		"https://github.com/tollkeeper/tollkeeper/releases/download/v$VERSION/install.yaml", rendered,
		"sk_test_...", h.key(),
	).Replace(script)
}

// outside makes the commands docker and stripe, and returns the environment that has them.
func (h *hour) outside(t *testing.T) []string {
	t.Helper()
	api := h.stripe.Start()
	t.Cleanup(api.Close)
	triggered := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := h.trigger(api.URL); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))
	t.Cleanup(triggered.Close)
	t.Cleanup(func() { h.pods.stop(t) })
	folder := t.TempDir()
	for name, script := range map[string]string{
		// docker run --rm --env STRIPE_SECRET_KEY IMAGE ARGUMENTS
		"docker": `[[ "$*" == "run --rm --env STRIPE_SECRET_KEY ghcr.io/"* ]]; STRIPE_API_BASE=` + api.URL + ` exec manager "${@:6}"`,
		"stripe": `[[ "$*" == "trigger customer.subscription.created --api-key ` + h.key() + `" ]]; curl -sS --fail-with-body -X POST ` + triggered.URL,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/usr/bin/env bash\nset -euo pipefail\n"+script+"\n"), 0o700); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	return []string{"EXTRA_PATH=" + folder}
}

// trigger starts what runs in the pods, and posts a sign-up as Stripe does.
func (h *hour) trigger(stripeURL string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if len(h.stripe.Endpoints()) != 1 {
		return fmt.Errorf("Stripe has %d endpoints, want the one that was made", len(h.stripe.Endpoints())) //nolint:revive,staticcheck // a name
	}
	url, secret, err := h.pods.start(ctx, stripeURL)
	if err != nil {
		return err
	}
	h.world.Do(SignUp)
	for _, event := range h.world.Events() {
		code, err := Endpoint{URL: url, Secret: secret}.Post(ctx, event)
		if err != nil || code != http.StatusOK {
			return fmt.Errorf("%s is answered %d: %w", event.Type, code, err)
		}
	}
	return nil
}

// leave takes away what the first hour has made, when the test's context has ended.
func leave(t *testing.T) {
	t.Helper()
	uninstall(t)
	for _, command := range []string{
		"kubectl delete namespace --ignore-not-found --timeout=2m monitoring tenants",
		"kubectl delete namespace --timeout=2m -l tenants.example.com/state",
		"kubectl delete -f examples/tenant-controller/manifests/rbac.yaml --ignore-not-found",
		"kubectl delete crd --ignore-not-found servicemonitors.monitoring.coreos.com prometheusrules.monitoring.coreos.com",
	} {
		if _, err := shell(context.WithoutCancel(t.Context()), command, ""); err != nil {
			t.Error(err)
		}
	}
}

// prometheusKinds are the kinds of the Prometheus Operator, with any content.
var prometheusKinds = anyKind("ServiceMonitor", "servicemonitors") + anyKind("PrometheusRule", "prometheusrules")

func anyKind(kind, plural string) string {
	return fmt.Sprintf(`---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: %[2]s.monitoring.coreos.com
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: %[1]s, plural: %[2]s}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
`, kind, plural)
}
