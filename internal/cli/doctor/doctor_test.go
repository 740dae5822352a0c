package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"

	"github.com/tollkeeper/tollkeeper/internal/cli/lists"
	"github.com/tollkeeper/tollkeeper/internal/cli/request"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// judged is the status of a line, and its text.
func judged(l Line) string { return string(l.Status) + " " + l.Text }

// is compares a line, and expects advice unless it is ok.
func is(t *testing.T, want string, got Line) {
	t.Helper()
	if diff := cmp.Diff(want, judged(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if (got.Advice == "") != (got.Status == OK) {
		t.Errorf("%q has the advice %q", judged(got), got.Advice)
	}
}

func TestServer(t *testing.T) {
	is(t, "ok v1.37.2", judgeServer(version.Info{Major: "1", Minor: "37", GitVersion: "v1.37.2"}, now, now.Add(9*time.Second))[0])
	is(t, "fail v1.31.0, which is older than 1.32", judgeServer(version.Info{Major: "1", Minor: "31+", GitVersion: "v1.31.0"}, now, now)[0])
	lines := judgeServer(version.Info{Major: "1", Minor: "37"}, now, now.Add(-time.Minute))
	is(t, "warn this machine's clock differs by -1m0s from the API server's", lines[1])
}

func TestCRDs(t *testing.T) {
	is(t, "ok 5 installed, all of this plugin's version", judgeCRDs(5, nil, nil))
	is(t, "fail not installed: a, b", judgeCRDs(5, []string{"a", "b"}, []string{"c"}))
	is(t, "warn of another version than this plugin: c", judgeCRDs(5, nil, []string{"c"}))
}

// The doctor looks for every policy of config/policy.
func TestPoliciesAreThoseOfTheManifests(t *testing.T) {
	files, err := filepath.Glob("../../../config/policy/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range strings.SplitSeq(string(content), "\n---\n") {
			_, rest, found := strings.Cut(document, "\nkind: ValidatingAdmissionPolicy\nmetadata:\n  name: ")
			if name, _, _ := strings.Cut(rest, "\n"); found {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, Policies); diff != "" {
		t.Errorf("config/policy and Policies differ (-want +got):\n%s", diff)
	}
}

func TestPolicies(t *testing.T) {
	var policies []admissionv1.ValidatingAdmissionPolicy
	var bindings []admissionv1.ValidatingAdmissionPolicyBinding
	for _, name := range Policies {
		policies = append(policies, admissionv1.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: namePrefix + name}})
		bindings = append(bindings, admissionv1.ValidatingAdmissionPolicyBinding{Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: namePrefix + name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{policyLabel: "enforced"}}},
		}})
	}
	enforced := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{policyLabel: "enforced"}}}
	is(t, "ok 7 in force", judgePolicies(policies, bindings, enforced))
	is(t, "warn none is installed: users with rights on the resources can forge them", judgePolicies(nil, nil, enforced))
	is(t, "warn not in force in the namespace n: users with rights on the resources can forge them",
		judgePolicies(policies, bindings, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "n"}}))
	for i := range policies { // as the Helm chart names them
		policies[i].Name = "live-tollkeeper-" + Policies[i] + ".n"
		bindings[i].Spec.PolicyName = policies[i].Name
	}
	is(t, "ok 7 in force", judgePolicies(policies, bindings, enforced))
	bindings[0].Spec.ValidationActions = []admissionv1.ValidationAction{admissionv1.Audit}
	is(t, "warn missing, or bound without Deny: tollkeeper-billing-events, tollkeeper-statuses. Users with rights on the resources can forge them",
		judgePolicies(policies[:6], bindings, enforced))
}

func TestRights(t *testing.T) {
	needed, err := neededRights("n")
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for i := range needed {
		described = append(described, describeRight(&needed[i]))
	}
	for _, right := range []string{"update customers/status", "get leases leader.billing.tollkeeper.dev", "create emails", "get configmaps tollkeeper-import"} {
		if !slices.Contains(described, right) {
			t.Errorf("the operator does not need to %s: %q", right, described)
		}
	}
	is(t, "ok the account a has the 3 that it needs", judgeRights("a", 3, nil, false))
	is(t, "fail the account a may not x, y", judgeRights("a", 3, []string{"x", "y"}, false))
	is(t, "warn the account a has none of the 2 that it needs", judgeRights("a", 2, []string{"x", "y"}, true))
}

func TestKeys(t *testing.T) {
	all := map[string]bool{keyEndpoint: true, keyStripe: true, "MAILGUN_API_KEY": true, "MAILGUN_DOMAIN": true, "MAILGUN_SENDER_EMAIL": true}
	is(t, "ok tollkeeper-credentials has the keys for Stripe and Mailgun", judgeKeys(all)[0])
	lines := judgeKeys(map[string]bool{"MAILGUN_DOMAIN": true})
	is(t, "fail tollkeeper-credentials has no STRIPE_ENDPOINT_SECRET: the receiver does not start", lines[0])
	is(t, "warn tollkeeper-credentials has no STRIPE_SECRET_KEY: missed events are not recovered, doubts stay, and thin events wait", lines[1])
	is(t, "warn tollkeeper-credentials has no MAILGUN_API_KEY, MAILGUN_SENDER_EMAIL: e-mails wait", lines[2])
}

func TestDeployment(t *testing.T) {
	d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: new(int32(2))}}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Image: "tollkeeper:v1"}}
	for want, available := range map[string]int32{
		"ok 2 of 2 replicas available, tollkeeper:v1": 2, "warn 1 of 2 replicas available, tollkeeper:v1": 1, "fail 0 of 2 replicas available, tollkeeper:v1": 0,
	} {
		d.Status.AvailableReplicas = available
		is(t, want, judgeDeployment(d))
	}
}

func TestLease(t *testing.T) {
	lease := func(holder string, renewed time.Duration) *coordinationv1.Lease {
		return &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &holder, RenewTime: new(metav1.NewMicroTime(now.Add(renewed))), LeaseDurationSeconds: new(int32(15)),
		}}
	}
	is(t, "ok pod-1 leads, and renewed its lease 2s ago", judgeLease(lease("pod-1_uuid", -2*time.Second), now))
	is(t, "fail pod-1 renewed its lease last 31s ago: no replica leads", judgeLease(lease("pod-1_uuid", -31*time.Second), now))
	is(t, "warn pod-1 leads, and its clock is ahead of the API server's by 20s", judgeLease(lease("pod-1_uuid", 20*time.Second), now))
	is(t, "fail no replica leads: events are recorded, but not applied", judgeLease(lease("", 0), now))
}

func TestImport(t *testing.T) {
	one := func(phase string) request.Import {
		return request.Import{Answered: true, Accounts: map[string]request.Checkpoint{"platform": {Phase: phase, Imported: 3}}}
	}
	is(t, "ok platform: done, 3 objects imported", judgeImport(one("Done")))
	is(t, "warn platform: customers, 3 objects imported", judgeImport(one("Customers")))
	is(t, "fail platform: failed, 3 objects imported", judgeImport(one("Failed")))
}

func TestWork(t *testing.T) {
	created := func(ago time.Duration) *metav1.Time { return new(metav1.NewTime(now.Add(-ago))) }
	is(t, "ok no event waits; the newest 2 events took 1s at the median, 2s at most",
		judgeBacklog(&lists.Top{Lag: &lists.Lag{Events: 2, Median: "1s", Longest: "2s"}}, now))
	is(t, "warn 1 pending event, the oldest of 5m ago", judgeBacklog(&lists.Top{Pending: 1, OldestPending: created(5 * time.Minute)}, now))
	is(t, "fail 2 pending events, the oldest of 11m ago", judgeBacklog(&lists.Top{Pending: 2, OldestPending: created(11 * time.Minute)}, now))
	is(t, "ok none", judgeFailed(&lists.Top{}))
	is(t, "ok none, apart from 2 dismissed ones", judgeFailed(&lists.Top{Dismissed: 2}))
	is(t, "fail 1 event could not be used: their customers' statuses lack them", judgeFailed(&lists.Top{Failed: 1}))
	is(t, "ok 3 customers, 2 entitled", judgeCustomers(&lists.Top{Customers: 3, Entitled: map[string]int{"True": 2, "False": 1}}))
	is(t, "warn 3 customers, 2 entitled, and of 1 it is not known; not ready: 1 EventsFailed", judgeCustomers(&lists.Top{
		Customers: 3, Entitled: map[string]int{"True": 2, "Unknown": 1}, NotReady: map[string]int{"EventsFailed": 1},
	}))
	is(t, "ok no customer is known to differ from Stripe", judgeSync(&lists.Top{}))
	differs := judgeSync(&lists.Top{Namespace: "n", NotInSync: map[string]int{"Differs": 2}})
	is(t, "warn customers that may differ from Stripe: 2 Differs", differs)
	const list = `kubectl -n n get customers -o custom-columns='NAME:.metadata.name,WHY:.status.conditions[?(@.type=="InSync")].reason'`
	if !strings.HasSuffix(differs.Advice, list) {
		t.Errorf("the advice %q does not name the customers", differs.Advice)
	}
	is(t, "ok 2 Accepted, 1 Retrying", judgeEmails(&lists.Top{Emails: map[string]int{"Accepted": 2, "Retrying": 1}}))
	is(t, "warn not sent: 1 Rejected", judgeEmails(&lists.Top{Emails: map[string]int{"Accepted": 2, "Rejected": 1}}))
}

func TestPrint(t *testing.T) {
	lines := []Line{{OK, "CRDs", "5 installed", ""}, {Fail, "Failed events", "1 event", "Read why"}, {Skip, "Keys", "not checked", ""}}
	const want = `ok    CRDs           5 installed
fail  Failed events  1 event
                     → Read why
skip  Keys           not checked

1 ok, 0 to look at, 1 failed, 1 skipped
`
	var out strings.Builder
	if err := Print(show.Printer{Out: &out}, lines); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !HasFailed(lines) || HasFailed(lines[:1]) {
		t.Error("HasFailed is wrong")
	}
}
