package integration

import (
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/logging"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// Everything that the binary writes is JSON, one object a line, also while the API server is away and as the process ends.
// Nothing of this is worth a stack trace.
func TestEveryLineOfTheLogIsJSON(t *testing.T) {
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	manager, o, proxy := startBehindProxy(t, namespace, func(*config.Config) {})
	atStart := logLines(t, manager.log.String())
	if want := []string{
		"Tollkeeper starts", "Stripe's API key is not set: nothing is read from Stripe, missed events are not recovered, and thin events wait",
		"Mailgun is not configured: e-mails wait until all variables are set", "Credentials are in use, by SHA-256", "Receiver is listening", "This process leads: it runs the controllers",
		"Nothing is deleted, and etcd grows: set --archive-url to an archive, or to none to delete events without one",
	}; len(atStart) > len(want) {
		t.Errorf("%d lines at the start, want %d:\n%s", len(atStart), len(want), manager.log)
	}

	began := time.Now().Add(-time.Hour).Truncate(time.Second)
	active := Event{
		ID: "evt_LogOne", Type: "customer.subscription.created", Created: began, Shape: New,
		Object: Subscription(New, "sub_Log", "cus_Log", "active", began, began.AddDate(0, 1, 0)),
	}
	canceled := Event{
		ID: "evt_LogTwo", Type: "customer.subscription.deleted", Created: began.Add(time.Minute), Shape: New,
		Object: Subscription(New, "sub_Log", "cus_Log", "canceled", began, began.AddDate(0, 1, 0)),
	}
	for range 3 {
		o.refuse(canceled)
	}
	o.send(active)
	o.entitled("cus_Log", "True SubscriptionActive")

	proxy.Spoil(lose("/customers/"))
	o.grantAccess("cus_Log")
	o.logs(manager, "Reconciler error")
	proxy.Spoil(lose(""))
	proxy.CutWatches()
	if code, err := o.endpoint.Post(t.Context(), canceled); err != nil || code != http.StatusServiceUnavailable {
		t.Errorf("answered %d, %v while the API server is away, want 503", code, err)
	}
	o.logs(manager, "Event not recorded; Stripe will send it again")
	proxy.Spoil(nil)
	o.eventually("the event is recorded", func() string {
		if code, err := o.endpoint.Post(t.Context(), canceled); err != nil || code != http.StatusOK {
			return "it is not"
		}
		return ""
	})
	o.entitled("cus_Log", "True OverrideGranted")
	o.settled()
	if err := errors.Join(manager.Process.Signal(syscall.SIGTERM), manager.end()); err != nil {
		t.Errorf("after SIGTERM it ends with %v", err)
	}

	handled := map[string]logLine{}
	var changes, refused []logLine
	for _, line := range logLines(t, manager.log.String()) {
		switch line["msg"] {
		case "Handled an event":
			id, _ := line["eventID"].(string)
			handled[id] = line
		case "Entitlement changed":
			changes = append(changes, line.only("customerID", "from", "to", "fromReason", "reason"))
		case "Refused requests whose signature is not valid":
			refused = append(refused, line.only("reason", "count"))
		}
		if line["level"] == "error" {
			t.Errorf("an error for what is expected: %v", line)
		}
	}
	if ms, isNumber := handled["evt_LogOne"]["createdToShownMs"].(float64); !isNumber || ms < time.Hour.Seconds()*1000 {
		t.Errorf("created to shown takes %v ms, want an hour or more", handled["evt_LogOne"]["createdToShownMs"])
	}
	if diff := cmp.Diff(map[string]logLine{
		"evt_LogOne": {"eventID": "evt_LogOne", "eventType": "customer.subscription.created", "customerID": "cus_Log", "outcome": "Applied"},
		"evt_LogTwo": {"eventID": "evt_LogTwo", "eventType": "customer.subscription.deleted", "customerID": "cus_Log", "outcome": "Applied"},
	}, map[string]logLine{
		"evt_LogOne": handled["evt_LogOne"].only("eventID", "eventType", "customerID", "outcome"),
		"evt_LogTwo": handled["evt_LogTwo"].only("eventID", "eventType", "customerID", "outcome"),
	}); diff != "" {
		t.Errorf("events handled (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]logLine{
		{"customerID": "cus_Log", "from": "", "fromReason": "", "to": "True", "reason": "SubscriptionActive"},
		{"customerID": "cus_Log", "from": "True", "fromReason": "SubscriptionActive", "to": "True", "reason": "OverrideGranted"},
	}, changes); diff != "" {
		t.Errorf("changes of the entitlement (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]logLine{{"reason": "signature_mismatch", "count": 1.0}}, refused); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
}

// A leader that loses its lease exits, and a process that cannot start does, too: with one line that says why.
func TestTheLogSaysWhyAProcessExits(t *testing.T) {
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	manager, _, proxy := startBehindProxy(t, namespace, func(c *config.Config) { c.LeaderElect = true })
	proxy.Spoil(lose(""))
	if err := manager.end(); exitCode(err) != 1 {
		t.Errorf("a leader without an API server ends with %v, want code 1", err)
	}
	for name, tc := range map[string]struct {
		log, want string
	}{
		"no lease":   {manager.log.String(), "leader election lost"},
		"no secret":  {output(t, "--namespace="+namespace), "STRIPE_ENDPOINT_SECRET is not set"},
		"a bad flag": {output(t, "--grace-period=soon"), `--grace-period is "soon": want a duration`},
		"no flag":    {output(t, "emails"), `unexpected argument "emails"`},
	} {
		t.Run(name, func(t *testing.T) {
			lines := logLines(t, tc.log)
			var exits []logLine
			for _, line := range lines {
				if line["msg"] == "Tollkeeper exits" {
					exits = append(exits, line)
				}
			}
			if len(exits) != 1 {
				t.Fatalf("%d lines say why it exits, want 1:\n%s", len(exits), tc.log)
			}
			if why, _ := exits[0]["error"].(string); !strings.Contains(why, tc.want) || exits[0]["level"] != "error" {
				t.Errorf("it exits with %v, want the error %q", exits[0], tc.want)
			}
		})
	}
}

// lose loses the requests whose path has this part.
func lose(part string) apiproxy.Decide {
	return func(r *http.Request) apiproxy.Verdict {
		if strings.Contains(r.URL.Path, part) {
			return apiproxy.LoseRequest
		}
		return apiproxy.Pass
	}
}

// grantAccess grants access, past the proxy.
func (o *operator) grantAccess(id string) {
	o.t.Helper()
	customer := o.customer(id)
	customer.Spec.Access = v1alpha1.AccessGranted
	if err := cluster.Client.Update(o.t.Context(), customer); err != nil {
		o.t.Fatal(err)
	}
}

// startBehindProxy runs the binary as it logs by default, with a proxy in front of the API server, until it leads.
func startBehindProxy(t *testing.T, namespace string, configure func(*config.Config)) (*process, *operator, *apiproxy.Proxy) {
	t.Helper()
	proxy, err := apiproxy.New(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	access, err := proxy.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	addresses, err := freeport.Addresses(1)
	if err != nil {
		t.Fatal(err)
	}
	manager := startProcessWith(t, access, namespace, func(c *config.Config) {
		c.Log.Level, c.ReceiverBindAddress = logging.Info, addresses[0]
	}, configure)
	o := &operator{t: t, namespace: namespace, endpoint: Endpoint{URL: "http://" + addresses[0] + "/webhooks/stripe", Secret: secret}}
	o.logs(manager, "This process leads")
	o.logs(manager, "Receiver is listening")
	return manager, o, proxy
}

// logs waits for a text in the log of the process.
func (o *operator) logs(p *process, text string) {
	o.t.Helper()
	o.eventually("the log says "+text, func() string {
		if strings.Contains(p.log.String(), text) {
			return ""
		}
		return "it does not"
	})
}

// refuse posts an event with another signature, and expects 400.
func (o *operator) refuse(e Event) {
	o.t.Helper()
	code, err := o.endpoint.PostSigned(o.t.Context(), e.JSON(), Sign(e.JSON(), time.Now(), "whsec_other"))
	if err != nil || code != http.StatusBadRequest {
		o.t.Errorf("answered %d, %v, want 400", code, err)
	}
}

// logLine is a line of the log.
type logLine map[string]any

// only returns the values of these keys.
func (l logLine) only(keys ...string) logLine {
	values := logLine{}
	for _, key := range keys {
		if value, has := l[key]; has {
			values[key] = value
		}
	}
	return values
}

// logLines returns the lines of a log. Each must be a JSON object with a level, a time and a message, and have no stack trace.
func logLines(t *testing.T, log string) (lines []logLine) {
	t.Helper()
	for text := range strings.Lines(log) {
		var line logLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Errorf("%q is not JSON: %v", text, err)
			continue
		}
		for _, key := range []string{"level", "time", "msg"} {
			if value, _ := line[key].(string); value == "" {
				t.Errorf("%q has no %s", text, key)
			}
		}
		if strings.Contains(text, "stacktrace") || strings.Contains(text, "goroutine ") || strings.Contains(text, ".go:") {
			t.Errorf("%q has a stack trace", text)
		}
		lines = append(lines, line)
	}
	return lines
}

// output runs the binary, which must exit with an error, and returns what it writes.
func output(t *testing.T, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), managerBinary(t), arguments...)
	command.Env = []string{}
	written, err := command.CombinedOutput()
	if exitCode(err) < 1 {
		t.Errorf("%v: it ends with %v", arguments, err)
	}
	return string(written)
}

// exitCode is the code of a process that ended with err; -1 if it did not run or was killed.
func exitCode(err error) int {
	exit, hasExited := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return 0
	case hasExited:
		return exit.ExitCode()
	default:
		return -1
	}
}
