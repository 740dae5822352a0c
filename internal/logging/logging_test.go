package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/internal/logging"
)

// line is a line of the log without its time, which must be there.
type line map[string]any

func linesOf(t *testing.T, out *bytes.Buffer) (lines []line) {
	t.Helper()
	for text := range strings.Lines(out.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%q is not JSON: %v", text, err)
		}
		at, _ := l["time"].(string)
		if _, err := time.Parse(time.RFC3339, at); err != nil || !strings.HasSuffix(at, "Z") {
			t.Errorf("the time of %q is not in UTC: %v", text, err)
		}
		delete(l, "time")
		lines = append(lines, l)
	}
	out.Reset()
	return lines
}

// What a library writes to stderr by itself becomes a line of the log.
func TestEverythingGoesThroughTheLogger(t *testing.T) {
	var out bytes.Buffer
	usual, flags, logger := log.Writer(), log.Flags(), slog.Default()
	t.Cleanup(func() { slog.SetDefault(logger); log.SetOutput(usual); log.SetFlags(flags); klog.ClearLogger() })
	logging.Install(logging.New(&out, logging.Options{Level: logging.Debug}))

	away := &url.Error{Op: "Get", URL: "https://10.0.0.1", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	for name, tc := range map[string]struct {
		do   func()
		want line
	}{
		"controller-runtime": {
			func() {
				ctrl.Log.WithName("customer").WithValues("object", "cus-1").Info("Handled an event", "outcome", "Applied")
			},
			line{"level": "info", "logger": "customer", "msg": "Handled an event", "object": "cus-1", "outcome": "Applied"},
		},
		"an error of ours": {
			func() { ctrl.Log.Error(errors.New("no"), "Failed") },
			line{"level": "error", "msg": "Failed", "error": "no"},
		},
		"klog": {
			func() { klog.Background().Error(away, "Failed to watch") },
			line{"level": "warn", "msg": "Failed to watch", "error": away.Error()},
		},
		"klog with a format": {
			func() { klog.Errorf("so %s", "what") },
			line{"level": "error", "msg": "so what"},
		},
		"client-go": {
			func() {
				utilruntime.HandleErrorWithContext(context.Background(), io.EOF, "Failed to watch",
					"reflector", "pkg/mod/k8s.io/client-go@v0.37.0/tools/cache/reflector.go:343", "type", "*v1alpha1.Customer")
			},
			line{"level": "warn", "logger": "UnhandledError", "msg": "Failed to watch", "error": "EOF", "type": "*v1alpha1.Customer"},
		},
		"log": {
			func() { log.Printf("http: superfluous response.WriteHeader call") },
			line{"level": "error", "msg": "A library reports an error", "error": "http: superfluous response.WriteHeader call"},
		},
		"a failed handshake": {
			func() { log.Print("http: TLS handshake error from 192.0.2.1:4711: EOF") },
			line{"level": "debug", "msg": "A TLS handshake failed", "reason": "http: TLS handshake error from a client: EOF"},
		},
		"slog": {
			func() { slog.Info("hello", "to", "you") },
			line{"level": "info", "msg": "hello", "to": "you"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.do()
			if diff := cmp.Diff([]line{tc.want}, linesOf(t, &out)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

// What ends by itself is a warning; what a person must look at is an error.
func TestWhatIsExpectedIsNoError(t *testing.T) {
	customers := schema.GroupResource{Group: "billing.tollkeeper.dev", Resource: "customers"}
	for name, tc := range map[string]struct {
		err  error
		want string
	}{
		"refused connection": {&url.Error{Op: "Get", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, "warn"},
		"connection cut":     {fmt.Errorf("list: %w", &url.Error{Op: "Get", Err: io.ErrUnexpectedEOF}), "warn"},
		"time has run out":   {fmt.Errorf("write: %w", context.DeadlineExceeded), "warn"},
		"the process ends":   {context.Canceled, "warn"},
		"503":                {fmt.Errorf("write: %w", apierrors.NewServiceUnavailable("etcd is away")), "warn"},
		"conflict":           {apierrors.NewConflict(customers, "cus-1", errors.New("changed")), "warn"},
		"too many requests":  {apierrors.NewTooManyRequestsError("later"), "warn"},
		"no permission":      {apierrors.NewForbidden(customers, "cus-1", errors.New("no")), "error"},
		"invalid":            {apierrors.NewBadRequest("no"), "error"},
		"certificate":        {&url.Error{Op: "Get", Err: errors.New("x509: certificate signed by unknown authority")}, "error"},
		"no error value":     {nil, "error"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			logging.New(&out, logging.Options{}).Error(tc.err, "Failed")
			if lines := linesOf(t, &out); len(lines) != 1 || lines[0]["level"] != tc.want {
				t.Errorf("lines %v, want one of level %s", lines, tc.want)
			}
		})
	}
}

// A level leaves out what is below it. Problems with the same text are thinned out; other lines never are.
func TestLevelsAndRates(t *testing.T) {
	const many = 1000
	for _, tc := range []struct {
		level                 logging.Level
		debug, info, problems int
	}{
		{logging.Debug, many, many, 109},
		{logging.Info, 0, many, 109},
		{logging.Warn, 0, 0, 109},
		{logging.Error, 0, 0, 0},
	} {
		t.Run(string(tc.level), func(t *testing.T) {
			var out bytes.Buffer
			log := logging.New(&out, logging.Options{Level: tc.level})
			for range many {
				log.V(1).Info("detail")
				log.Info("handled")
				log.Error(io.EOF, "failed")
			}
			got := map[any]int{}
			for _, l := range linesOf(t, &out) {
				got[l["level"]]++
			}
			// A second may end meanwhile: then more problems are logged.
			if got["debug"] != tc.debug || got["info"] != tc.info || (got["warn"] > 0) != (tc.problems > 0) || got["warn"] > 3*tc.problems {
				t.Errorf("%v, want %d, %d and about %d", got, tc.debug, tc.info, tc.problems)
			}
		})
	}
}

// For people there is a form without braces around the line.
func TestTheConsoleFormat(t *testing.T) {
	var out bytes.Buffer
	logging.New(&out, logging.Options{Format: logging.Console}).WithName("customer").Info("Handled an event", "eventID", "evt_1")
	if want := "\tinfo\tcustomer\tHandled an event\t{\"eventID\": \"evt_1\"}\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("%q, want the end %q", out.String(), want)
	}
}
