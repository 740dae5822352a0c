package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/config"
)

// The probes tell a person what is switched off, and the cluster when not to route here.
func TestProbes(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	o := start(t, func(c *config.Config) { c.HealthProbeBindAddress = address })
	o.eventually("ready", func() string { return probe(t, address, "/readyz", http.StatusOK) })
	for path, want := range map[string]string{
		"/healthz?verbose": "[+]ping ok",
		"/readyz?verbose":  "[+]stripe-api-off-no-STRIPE_SECRET_KEY ok",
	} {
		if problem := probe(t, address, path, http.StatusOK, want, "ok"); problem != "" {
			t.Errorf("%s: %s", path, problem)
		}
	}
}

// probe says what is wrong with the answer.
func probe(t *testing.T, address, path string, code int, parts ...string) string {
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
	if err != nil || response.StatusCode != code {
		return fmt.Sprintf("answered %d %v", response.StatusCode, err)
	}
	for _, part := range parts {
		if !strings.Contains(string(body), part) {
			return fmt.Sprintf("%q is not in %q", part, body)
		}
	}
	return ""
}
