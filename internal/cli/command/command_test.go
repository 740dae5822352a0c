package command

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// run runs a command without an API server, and returns its error.
func run(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	const content = "apiVersion: v1\nkind: Config\nclusters: [{name: x, cluster: {server: 'http://127.0.0.1:1'}}]\ncontexts: [{name: x, context: {cluster: x}}]\ncurrent-context: x\n"
	if err := os.WriteFile(kubeconfig, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	root := New(Environment{Out: &out, Err: &out, Getenv: func(string) string { return "" }, Now: time.Now, Version: "v1.2.3"})
	root.SetArgs(append([]string{"--kubeconfig", kubeconfig}, arguments...))
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// What is wrong with the arguments is said before the API server is asked.
func TestWrongArgumentsSayWhatToDo(t *testing.T) {
	for arguments, says := range map[string]string{
		"explain":             "name a customer, such as cus_Dan",
		"explain cus_A cus_B": `"cus_B" is one argument too many: name a customer`,
		"events cus_A cus_B":  `"cus_B" is one argument too many: name a customer`,
		"doctor cus_A":        `"cus_A" is one argument too many: doctor takes flags only`,
		"replay":              "name a file, or a folder",
		"grant cus_A --for 3d --reason Ticket 4711":           `"4711" is one argument too many`,
		"explain cus_A -o xml":                                "use table, wide, json or yaml",
		"explain cus_A --context nowhere":                     "Name a kubeconfig with --kubeconfig",
		"grant cus_A --reason R":                              "exactly one of --for=72h",
		"grant cus_A --for 3d":                                "--reason is missing",
		"deny cus_A --for x --reason R":                       `"x" is not a length of time`,
		"events --failed --pending":                           "--pending excludes --failed",
		"doctor --offline --stripe-key-from-env":              "exclude each other",
		"dismiss --reason R":                                  "name events (evt_…), or take all failed ones with --failed",
		"dismiss evt_1":                                       "--reason is missing: say for other people what was done",
		"erase cus_A":                                         "--reason is missing: say for other people who asked",
		"erase --reason R":                                    "name a customer, such as cus_Dan",
		"retry":                                               "name events (evt_…), or take all failed ones with --failed",
		"retry evt_1 --failed":                                "name events (evt_…), or take all failed ones with --failed",
		"replay x.json --to http://a.example/webhooks/stripe": "use https",
		"replay x.json --to https://a.example":                "STRIPE_ENDPOINT_SECRET is not set",
		"explain cus_A":                                       "the API server cannot be reached: check --context and --kubeconfig",
		"doctor":                                              "the API server cannot be reached: check --context and --kubeconfig",
	} {
		if _, err := run(t, strings.Fields(arguments)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want an error that says %q", arguments, err, says)
		}
	}
}

// Only a failed event is retried. The error says what becomes of any other.
func TestAnEventThatHasNotFailed(t *testing.T) {
	for outcome, want := range map[v1alpha1.Outcome]string{
		v1alpha1.OutcomePending: "evt_1 has not failed: it is pending, and is tried again by itself",
		v1alpha1.OutcomeApplied: "evt_1 has not failed (its outcome is Applied): only a failed event is tried again",
		v1alpha1.OutcomeRecorded: "evt_1 has not failed (its outcome is Recorded): only a failed event is tried again. This one is tried with a label:\n" +
			`  kubectl -n n label billingevent evt-1 billing.tollkeeper.dev/retry="$(date +%s)" --overwrite`,
	} {
		e := &v1alpha1.BillingEvent{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "evt-1"}}
		e.Spec.EventID, e.Status.Outcome = "evt_1", outcome
		if diff := cmp.Diff(want, notFailed(e).Error()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	out, err := run(t, "--version")
	if diff := cmp.Diff("kubectl tollkeeper version v1.2.3\n", out); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	out, err = run(t, "grant", "--help")
	if err != nil || !strings.Contains(out, "kubectl tollkeeper grant CUSTOMER") || strings.Contains(out, "--certificate-authority") {
		t.Errorf("%v: the help is\n%s", err, out)
	}
}

// Neither a file nor a pipe gets colours.
func TestColoursAreForTerminals(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	p := &plugin{Environment: Environment{Out: file, Getenv: func(string) string { return "" }}}
	if p.isColourWelcome() {
		t.Error("a file gets colours")
	}
}

// An error may quote what a customer typed at Stripe.
func TestErrorsCommandNoTerminal(t *testing.T) {
	if diff := cmp.Diff("2 customers:\n  cus_[2J", Problem(errors.New("2 customers:\n  cus_\x1b[2J"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	customers := schema.GroupResource{Group: "billing.tollkeeper.dev", Resource: "customers"}
	for says, err := range map[string]error{
		"Ask an administrator for the ClusterRole tollkeeper-support-role": apierrors.NewForbidden(customers, "x", errors.New("no")),
		"log in again":                     apierrors.NewUnauthorized("no"),
		"the API server cannot be reached": &net.OpError{Op: "dial", Err: errors.New("refused")},
	} {
		if got := advised(err, "look"); !strings.HasPrefix(got.Error(), "look: ") || !strings.Contains(got.Error(), says) {
			t.Errorf("%v, want it to say %q", got, says)
		}
	}
	// The role for support does not help with this one.
	got := importRequestError(apierrors.NewForbidden(customers, "x", errors.New("no")), "here")
	if !strings.Contains(got.Error(), "Ask an administrator to request it") || strings.Contains(got.Error(), "for the ClusterRole") {
		t.Errorf("a refused import says: %v", got)
	}
	if advised(nil, "look") != nil {
		t.Error("no error becomes one")
	}
}
