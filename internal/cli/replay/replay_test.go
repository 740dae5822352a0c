package replay

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

func write(t *testing.T, folder, name, content string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad(t *testing.T) {
	folder := t.TempDir()
	write(t, folder, "a.json", `{"id":"evt_2","type":"invoice.paid","created":200}`)
	write(t, folder, "b.json", ` {"id":"evt_1","type":"invoice.created","created":100} `)
	write(t, folder, "c.json", `{"id":"evt_3","type":"v1.invoice.paid","created":"2026-11-28T12:00:00Z"}`)
	write(t, folder, "notes.txt", "no event")
	payloads, err := Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range payloads {
		got = append(got, p.EventID+" "+p.Type)
	}
	if diff := cmp.Diff([]string{"evt_3 v1.invoice.paid", "evt_1 invoice.created", "evt_2 invoice.paid"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if body := string(payloads[1].Body); body != ` {"id":"evt_1","type":"invoice.created","created":100} ` {
		t.Errorf("the body is changed: %q", body)
	}
	for path, says := range map[string]string{
		filepath.Join(folder, "none.json"):                            "there is no file",
		t.TempDir():                                                   "has no file *.json",
		filepath.Join(folder, "notes.txt"):                            "is not the payload of one event",
		write(t, t.TempDir(), "x.json", `{"object":"list"}`):          "it has no id",
		write(t, t.TempDir(), "x.json", strings.Repeat(" ", 1<<20+1)): "takes at most",
	} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Load(%s) = %v, want an error that says %q", path, err, says)
		}
	}
}

func TestCheckURL(t *testing.T) {
	for _, text := range []string{"https://billing.example.com/webhooks/stripe", "http://127.0.0.1:8080/webhooks/stripe", "http://localhost:1/x", "http://[::1]:1/x"} {
		if err := CheckURL(text); err != nil {
			t.Error(err)
		}
	}
	for _, text := range []string{"", "billing.example.com", "http://billing.example.com/webhooks/stripe", "http://10.0.0.1/x", "ftp://localhost/x"} {
		if CheckURL(text) == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestPostSignsAsStripeDoes(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	payload := Payload{EventID: "evt_1", Body: []byte(`{"id":"evt_1"}`)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Stripe-Signature") != stripetest.Sign(body, now, "whsec_1") || string(body) != string(payload.Body) {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	for secret, want := range map[string]int{"whsec_1": http.StatusOK, "whsec_2": http.StatusBadRequest} {
		got, err := Post(t.Context(), server.Client(), server.URL, payload, secret, now)
		if err != nil || got != want || (Explain(got) == "") != (want == http.StatusOK) {
			t.Errorf("with %s it is answered %d (%s), %v", secret, got, Explain(got), err)
		}
	}
}

func TestSecret(t *testing.T) {
	if got, err := Secret(" ,whsec_1,whsec_2"); err != nil || got != "whsec_1" {
		t.Errorf("Secret is %q, %v", got, err)
	}
	if _, err := Secret(""); err == nil {
		t.Error("no secret is accepted")
	}
}
