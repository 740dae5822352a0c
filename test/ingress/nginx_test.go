// Package ingress tries the examples of examples/ingress as far as that needs no cluster.
package ingress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const secret = "whsec_behind_nginx"

// recorder notes the hashes of the bodies that were recorded.
type recorder struct {
	mutex  sync.Mutex
	hashes []string
	full   bool // as if the API server stored nothing
}

func (r *recorder) Record(_ context.Context, e *v1alpha1.BillingEventSpec) (bool, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.full {
		return false, context.DeadlineExceeded
	}
	r.hashes = append(r.hashes, e.PayloadSHA256)
	return true, nil
}

func (r *recorder) fill(full bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.full = full
}

// A real nginx with the example's configuration passes every byte on, so that signatures are valid, and every answer back. Only
// what is too large it refuses itself, with the receiver's own code.
func TestNginx(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI has no nginx: .ci/run installs it")
		}
		t.Skip("apt-get install nginx-light to run this test, as CI does")
	}
	recorded := &recorder{}
	addresses, err := freeport.Addresses(2)
	if err != nil {
		t.Fatal(err)
	}
	startReceiver(t, addresses[0], recorded)
	client := startNginx(t, addresses[0], addresses[1])
	post := func(body []byte, change func(*http.Request)) (code int, retryAfter string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+addresses[1]+receiver.Path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json; charset=utf-8")
		request.Header.Set("Stripe-Signature", stripetest.Sign(body, time.Now(), secret))
		change(request)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		return response.StatusCode, response.Header.Get("Retry-After")
	}
	asIs := func(*http.Request) {}

	var want []string
	event := stripetest.Event{ID: "evt_1", Type: "customer.updated", Created: time.Now(), Shape: stripetest.New,
		Object: stripetest.Customer("cus_A", "ada@example.com", "Ada")}.JSON()
	for _, filler := range []string{"", "\u2028\u00e9\\u00e9\\u0000\x7f+%20", strings.Repeat("x", 100_000), strings.Repeat("y", 1<<20-len(event)-11)} {
		body := append(fmt.Appendf(nil, "{ \r\n\t\"x\":\"%s\",", filler), event[1:]...)                      // an event of any size, with odd white space
		for _, change := range []func(*http.Request){asIs, func(r *http.Request) { r.ContentLength = -1 }} { // whole, and in chunks
			if code, _ := post(body, change); code != http.StatusOK {
				t.Errorf("a body of %d bytes is answered %d", len(body), code)
			}
			sum := sha256.Sum256(body)
			want = append(want, hex.EncodeToString(sum[:]))
		}
	}
	if diff := cmp.Diff(want, recorded.hashes); diff != "" {
		t.Errorf("the hashes of the recorded bodies (-want +got):\n%s", diff)
	}

	for what, tc := range map[string]struct {
		body   []byte
		change func(*http.Request)
		full   bool
		want   int
	}{
		"too large":          {bytes.Repeat([]byte("x"), 1<<20+1), asIs, false, http.StatusRequestEntityTooLarge},
		"too large, chunked": {bytes.Repeat([]byte("x"), 1<<20+1), func(r *http.Request) { r.ContentLength = -1 }, false, http.StatusRequestEntityTooLarge},
		"compressed":         {event, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, false, http.StatusUnsupportedMediaType},
		"of another secret": {event, func(r *http.Request) {
			r.Header.Set("Stripe-Signature", stripetest.Sign(event, time.Now(), "whsec_other"))
		}, false, 400},
		"a GET":        {nil, func(r *http.Request) { r.Method = http.MethodGet }, false, http.StatusMethodNotAllowed},
		"another path": {event, func(r *http.Request) { r.URL.Path = "/" }, false, http.StatusNotFound},
		"a path below": {event, func(r *http.Request) { r.URL.Path += "/x" }, false, http.StatusNotFound},
		"not durable":  {event, asIs, true, http.StatusServiceUnavailable},
	} {
		recorded.fill(tc.full)
		code, retryAfter := post(tc.body, tc.change)
		if code != tc.want {
			t.Errorf("%s: answered %d, want %d", what, code, tc.want)
		}
		if tc.full && retryAfter == "" {
			t.Error("the receiver's Retry-After is lost")
		}
	}
}

// startReceiver starts a real receiver.
func startReceiver(t *testing.T, address string, to receiver.Recorder) {
	t.Helper()
	handler := receiver.NewHandler([]string{secret}, 8, events.Decoder{}, to, clock.RealClock{}, logr.Discard())
	server := receiver.NewServer(address, nil, 0, handler, logr.Discard())
	ended := make(chan error, 1)
	go func() { ended <- server.Start(t.Context()) }()
	t.Cleanup(func() { // t.Context has ended
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := server.Drain(); err != nil {
			t.Error(err)
		}
	})
}

// startNginx runs the example in nginx with these addresses, and returns a client that trusts its certificate.
func startNginx(t *testing.T, to, on string) *http.Client {
	t.Helper()
	folder := t.TempDir()
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	pair := certificate.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(controlplane.Root(), "examples", "ingress", "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("127.0.0.1:8080", to, "listen 443", "listen "+on, "/etc/nginx/", folder+"/").Replace(string(example))
	for name, content := range map[string][]byte{
		"billing.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		"billing.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		"server.conf": []byte(text),
		"nginx.conf": fmt.Appendf(nil, "pid %[1]s/pid; error_log %[1]s/error.log; events {} http { access_log off; client_body_temp_path %[1]s/body; "+
			"proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s; include %[1]s/server.conf; }", folder),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	nginx := exec.CommandContext(t.Context(), "nginx", "-p", folder, "-c", filepath.Join(folder, "nginx.conf"), "-e", filepath.Join(folder, "error.log"), "-g", "daemon off; master_process off;")
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Wait()
		if log, err := os.ReadFile(filepath.Join(folder, "error.log")); err == nil && t.Failed() {
			t.Logf("nginx's log:\n%s", log)
		}
	})
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Certificate())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}}}
	awaitAnswer(t, client, "https://"+on)
	return client
}

// awaitAnswer waits until something answers.
func awaitAnswer(t *testing.T, client *http.Client, url string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err == nil {
			_ = response.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(50 * time.Millisecond)
	}
}
