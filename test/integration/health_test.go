package integration

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// The verbose probes list the features that are off. Readiness fails before the receiver stops accepting requests.
func TestProbes(t *testing.T) {
	address := freeAddress(t)
	o := start(t, func(c *config.Config) { c.HealthProbeBindAddress, c.DrainDelay = address, 3*time.Second })
	o.eventually("ready", func() string { return probe(t, address, "/readyz") })
	for path, parts := range map[string][]string{
		"/healthz?verbose": {"[+]ping ok", "check passed"},
		"/readyz?verbose":  {"[+]receiver ok", "[+]stripe-api-off-no-STRIPE_SECRET_KEY ok", "check passed"},
	} {
		if problem := probe(t, address, path, parts...); problem != "" {
			t.Errorf("%s: %s", path, problem)
		}
	}

	stopped := make(chan struct{})
	go func() { defer close(stopped); o.stop() }()
	o.eventually("not ready", func() string {
		if probe(t, address, "/readyz") == "" {
			return "it is still ready"
		}
		return ""
	})
	o.send(Event{ID: "evt_Late", Type: "customer.created", Created: time.Now(), Shape: New, Object: Customer("cus_A", "ada@example.com", "Ada")})
	<-stopped
}

// probe returns what is wrong with the answer; empty if nothing is.
func probe(t *testing.T, address, path string, parts ...string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Sprintf("answered %d %v", response.StatusCode, err)
	}
	for _, part := range parts {
		if !strings.Contains(string(body), part) {
			return fmt.Sprintf("%q is not in %q", part, body)
		}
	}
	return ""
}
