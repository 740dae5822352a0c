package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// An event that no retry can use is dismissed under the role of support: the expression of its alert ends, and its customer is
// ready. It stays listed. A retry, with the plugin or without it, ends the dismissal.
func TestAFailedEventIsDismissed(t *testing.T) {
	o := start(t, func(c *config.Config) { c.EventAttempts = 1 })
	served(o, "DismissAda", "dismiss.ada@kite.example")
	bindSupport(t, o.namespace)
	p := newPlugin(t, "--as", supporter, "-n", o.namespace)
	p.refuses([]string{"dismiss", "evt_DismissAda1", "--reason", "Ticket 4711"}, "evt_DismissAda1 has not failed (its outcome is Applied)")
	o.send(broken("evt_DismissBroken", "cus_DismissAda"))
	o.outcome("evt_DismissBroken", v1alpha1.OutcomeFailed)
	o.conditionOf("cus_DismissAda", v1alpha1.ConditionReady, "False EventsFailed")
	counts := func(failed, dismissed float64) {
		t.Helper()
		o.eventually("the counts of the alert", func() string {
			if f, d := gauge(t, metrics.EventsFailed), gauge(t, metrics.EventsDismissed); f != failed || d != dismissed {
				return fmt.Sprintf("are %v failed and %v dismissed, want %v and %v", f, d, failed, dismissed)
			}
			return ""
		})
	}
	counts(1, 0)

	shows(t, p.run("dismiss", "evt_DismissBroken", "--reason", "Refunded by hand"), "evt_DismissBroken", "Dismissed", "By "+supporter+": ", "Refunded by hand")
	o.conditionOf("cus_DismissAda", v1alpha1.ConditionReady, "True UpToDate")
	counts(0, 1)
	listed := func(want int, arguments ...string) {
		t.Helper()
		var list v1alpha1.BillingEventList
		if err := json.Unmarshal([]byte(p.run(append([]string{"events", "-o", "json"}, arguments...)...)), &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Items) != want {
			t.Errorf("%q lists %d events, want %d", arguments, len(list.Items), want)
		}
	}
	listed(0, "--failed")
	listed(1, "--dismissed")
	listed(1, "--failed", "--dismissed")
	shows(t, p.run("events"), "Dismissed", "It had failed: status: want")
	shows(t, p.run("timeline", "cus_DismissAda"), "By "+supporter)
	shows(t, p.run("top"), "Failed events      none (1 dismissed)")
	shows(t, kubectl(t, adminKubeconfig(t), "-n", o.namespace, "get", "bev", "-o", "wide", "--field-selector", "status.outcome=Failed"), "Refunded by hand")
	if out, problems, err := p.try("retry", "--failed"); err != nil || !strings.Contains(problems, "Nothing to do") {
		t.Errorf("all failed events are tried again: %v %s%s", err, out, problems)
	}

	// A request without the plugin leaves the annotation.
	o.annotate(o.event("evt_DismissBroken"), v1alpha1.AnnotationRetry, "by hand")
	o.conditionOf("cus_DismissAda", v1alpha1.ConditionReady, "False EventsFailed")
	counts(1, 0)
	if e := o.event("evt_DismissBroken"); e.Annotations[v1alpha1.AnnotationDismissed] == "" || e.Status.EndedDismissal == "" {
		t.Errorf("the dismissal %q has not ended: %q", e.Dismissal(), e.Status.EndedDismissal)
	}
	p.run("dismiss", "--failed", "--reason", "Refunded by hand")
	counts(0, 1)
	if _, _, err := p.try("retry", "evt_DismissBroken", "--wait"); err == nil {
		t.Error("the retry succeeds")
	}
	counts(1, 0)
	if e := o.event("evt_DismissBroken"); e.Annotations[v1alpha1.AnnotationDismissed] != "" {
		t.Errorf("the retry leaves the dismissal %q", e.Dismissal())
	}
}
