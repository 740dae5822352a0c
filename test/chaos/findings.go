package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// findings are the problems that the checks found after a run.
type findings struct {
	lost, doubled, diverged int
	problems                []string
	// incomplete holds the reasons for which the run did not come to rest. Without them the counts are final. They are
	// problems too.
	incomplete []string
}

func (f *findings) problemf(format string, arguments ...any) {
	f.problems = append(f.problems, fmt.Sprintf(format, arguments...))
}

// noteIncomplete records an error that kept the run from coming to rest; nil records nothing.
func (f *findings) noteIncomplete(err error) {
	if err != nil {
		f.incomplete = append(f.incomplete, err.Error())
	}
}

// checkEvents finds acknowledged events without a BillingEvent in the cluster or the archive, events with several, and
// BillingEvents of events that were never sent.
func (f *findings) checkEvents(s *state, sent, acked map[string]string) {
	records := map[string]int{}
	for _, e := range slices.Concat(s.events.Items, s.archived) {
		records[e.Spec.EventID]++
		if e.Status.Outcome == v1alpha1.OutcomeFailed {
			f.problemf("event %s (%s) has Failed: %s", e.Spec.EventID, e.Spec.Type, e.Status.Message)
		}
		if _, known := sent[e.Spec.EventID]; !known {
			f.problemf("BillingEvent %s records event %s, which was never sent", e.Name, e.Spec.EventID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(sent)) {
		n := records[id]
		if _, acknowledged := acked[id]; n == 0 && acknowledged {
			f.lost++
			f.problemf("event %s (%s) was acknowledged but not recorded", id, sent[id])
		}
		if n > 1 {
			f.doubled += n - 1
			f.problemf("event %s (%s) has %d BillingEvents", id, sent[id], n)
		}
	}
}

// checkObjects compares the objects that exist with those that the histories call for: a Customer for each, its
// Subscriptions, and for a checkout two Emails and a PasswordReset.
func (f *findings) checkObjects(s *state, histories []*history, imported []*imported) {
	want, got := map[string]bool{}, map[string]bool{}
	for _, h := range histories {
		want["Customer of "+h.customer] = true
		for _, id := range h.subscriptions {
			want["Subscription of "+id] = true
		}
		if h.signsUp {
			for purpose := range subjects {
				want[fmt.Sprintf("Email %s (%s to %s)", naming.Email(h.customerName(), purpose), purpose, h.customerName())] = true
			}
			want["PasswordReset "+passwordreset.ObjectName(h.customerName())] = true
		}
	}
	for _, i := range imported {
		want["Customer of "+i.customer] = true
		for _, o := range i.world.Objects("subscription") {
			want["Subscription of "+o.ID()] = true
		}
	}
	for _, c := range s.customers.Items {
		got["Customer of "+c.Spec.CustomerID] = true
	}
	for _, sub := range s.subscriptions.Items {
		got["Subscription of "+sub.Spec.SubscriptionID] = true
	}
	for _, email := range s.emails.Items {
		got[fmt.Sprintf("Email %s (%s to %s)", email.Name, email.Spec.Purpose, email.Spec.CustomerRef.Name)] = true
	}
	for _, reset := range s.resets.Items {
		got["PasswordReset "+reset.Name] = true
	}
	for _, name := range missing(want, got) {
		f.lost++
		f.problemf("there is no %s", name)
	}
	for _, name := range missing(got, want) {
		f.doubled++
		f.problemf("there is an unexpected %s", name)
	}
	if n, lives := len(s.customers.Items), len(histories)+len(imported); n > lives {
		f.doubled += n - lives
		f.problemf("%d lives have %d Customers", lives, n)
	}
}

// missing returns the names in want that are not in got.
func missing(want, got map[string]bool) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !got[name] {
			names = append(names, name)
		}
	}
	return names
}

// ignored is what may differ from the undisturbed run: when something was written, and that a customer was read from
// Stripe. It is read if its events leave a doubt for some seconds, which depends on their delays.
var ignored = cmp.Options{
	cmpopts.IgnoreFields(metav1.Condition{}, "LastTransitionTime"),
	cmpopts.IgnoreFields(v1alpha1.CustomerStatus{}, "ChangedAt"),
	cmp.FilterValues(func(a, b v1alpha1.CustomerStatus) bool { return a.LastComparison != nil || b.LastComparison != nil },
		cmp.Transformer("withoutComparison", withoutComparison)),
	cmp.FilterValues(func(a, b v1alpha1.Position) bool { return isReading(a) || isReading(b) }, cmp.Ignore()),
}

// withoutComparison returns the status without what says that it was compared with Stripe.
func withoutComparison(s v1alpha1.CustomerStatus) v1alpha1.CustomerStatus {
	s.LastComparison = nil
	s.Conditions = slices.DeleteFunc(slices.Clone(s.Conditions), func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionInSync })
	return s
}

func isReading(p v1alpha1.Position) bool { return p.EventID == projection.EventRead }

// checkDivergence compares the results with those of the undisturbed run.
func (f *findings) checkDivergence(want, got map[string]any) {
	names := map[string]bool{}
	for _, results := range []map[string]any{want, got} {
		for name := range results {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if diff := cmp.Diff(want[name], got[name], ignored); diff != "" {
			f.diverged++
			f.problemf("%s (-undisturbed +disturbed):\n%s", name, diff)
		}
	}
}

// checkOld compares the statuses of old customers after a restore, and takes them out of the results. Their events are in the
// archive, and their statuses were lost: they are what they were, or not known, and never wrong.
func (f *findings) checkOld(want, got map[string]any, s *state, histories []*history) {
	for _, h := range histories {
		if !h.isOld {
			continue
		}
		for _, c := range s.customers.Items {
			entitled := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionEntitled)
			if name := "Customer " + c.Name; c.Name == h.customerName() && (entitled == nil || entitled.Status != metav1.ConditionUnknown) {
				f.checkDivergence(map[string]any{name: want[name]}, map[string]any{name: got[name]})
			}
		}
		names := []string{"Customer " + h.customerName()}
		for _, id := range h.subscriptions {
			names = append(names, "Subscription "+naming.Object("", id))
		}
		for _, name := range names {
			delete(want, name)
			delete(got, name)
		}
	}
}

// checkCrashes records the crashes and panics of the managers, which must be closed.
func (f *findings) checkCrashes(o *operator) {
	for _, crash := range o.allCrashes() {
		f.problemf("%s", crash)
	}
}

// incompleteError returns the reasons for which the run did not come to rest; nil if it did.
func (f *findings) incompleteError() error { return joinLines(f.incomplete) }

// err returns all problems; nil if there are none.
func (f *findings) err() error { return joinLines(slices.Concat(f.incomplete, f.problems)) }

// joinLines returns an error with one line for each problem, at most twenty; nil for none.
func joinLines(problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	const most = 20
	shown := problems[:min(len(problems), most)]
	if left := len(problems) - most; left > 0 {
		shown = append(slices.Clone(shown), fmt.Sprintf("and %d more", left))
	}
	return errors.New(strings.Join(shown, "\n"))
}
