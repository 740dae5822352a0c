package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

// verdict is what is wrong after all is over.
type verdict struct {
	lost, doubled, diverged int
	wrong                   []string
	// open is what kept the run from an end that can be judged. It is wrong too.
	open []string
}

func (v *verdict) addf(format string, arguments ...any) {
	v.wrong = append(v.wrong, fmt.Sprintf(format, arguments...))
}

// unsettled notes what kept the run from an end that can be judged.
func (v *verdict) unsettled(err error) {
	if err != nil {
		v.open = append(v.open, err.Error())
	}
}

// judge looks at everything that an operator has made of the lives. Every one of them has been delivered.
func (v *verdict) judge(s *state, lives []*life, acked map[string]string, messages []mailguntest.Message, use use) error {
	v.records(s, sent(lives), acked)
	v.objects(s, lives)
	return v.mails(s, lives, messages, use)
}

// records looks for acknowledged events with no record, and for records that are not one for one.
func (v *verdict) records(s *state, sent, acked map[string]string) {
	records := map[string]int{}
	for _, e := range s.events.Items {
		records[e.Spec.EventID]++
		if e.Status.Outcome == v1alpha1.OutcomeFailed {
			v.addf("event %s (%s) has Failed: %s", e.Spec.EventID, e.Spec.Type, e.Status.Message)
		}
		if _, known := sent[e.Spec.EventID]; !known {
			v.addf("BillingEvent %s is of %s, which nobody sent", e.Name, e.Spec.EventID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(sent)) {
		n := records[id]
		if _, acknowledged := acked[id]; n == 0 && acknowledged {
			v.lost++
			v.addf("event %s (%s) was acknowledged and is not there", id, sent[id])
		}
		if n > 1 {
			v.doubled += n - 1
			v.addf("event %s (%s) has %d BillingEvents", id, sent[id], n)
		}
	}
}

// objects compares what there is with what the model says: a customer for each life, its subscriptions, and the two e-mails of those who
// signed up.
func (v *verdict) objects(s *state, lives []*life) {
	want, got := map[string]bool{}, map[string]bool{}
	for _, l := range lives {
		want["Customer of "+l.customer] = true
		for _, id := range l.subscriptions {
			want["Subscription of "+id] = true
		}
		if l.signsUp {
			for purpose := range subjects {
				want[fmt.Sprintf("Email %s (%s to %s)", naming.Email(l.object(), purpose), purpose, l.object())] = true
			}
			want["Secret "+passwordreset.SecretName(l.object())] = true
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
	for _, secret := range s.secrets.Items {
		if secret.Type == passwordreset.SecretType {
			got["Secret "+secret.Name] = true
		}
	}
	for _, name := range missing(want, got) {
		v.lost++
		v.addf("there is no %s", name)
	}
	for _, name := range missing(got, want) {
		v.doubled++
		v.addf("there is the %s, which should not be", name)
	}
	if n := len(s.customers.Items); n > len(lives) {
		v.doubled += n - len(lives)
		v.addf("%d lives have %d Customers", len(lives), n)
	}
}

// missing are those of want that are not in got.
func missing(want, got map[string]bool) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !got[name] {
			names = append(names, name)
		}
	}
	return names
}

// divergence compares the results with those of the undisturbed run. When each was written does not count.
func (v *verdict) divergence(want, got map[string]any) {
	ignore := cmpopts.IgnoreFields(metav1.Condition{}, "LastTransitionTime")
	names := map[string]bool{}
	for _, results := range []map[string]any{want, got} {
		for name := range results {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if diff := cmp.Diff(want[name], got[name], ignore); diff != "" {
			v.diverged++
			v.addf("%s (-undisturbed +disturbed):\n%s", name, diff)
		}
	}
}

// crashes notes the managers that ended by themselves with no excuse. They must have been closed.
func (v *verdict) crashes(o *operator) {
	for _, crash := range o.allCrashes() {
		v.addf("%s", crash)
	}
}

// unjudged is what kept the run from an end that can be judged; nil if nothing did.
func (v *verdict) unjudged() error { return list(v.open) }

// err is nil if nothing is wrong.
func (v *verdict) err() error { return list(slices.Concat(v.open, v.wrong)) }

// list is an error of so many lines; nil for none.
func list(wrong []string) error {
	if len(wrong) == 0 {
		return nil
	}
	const most = 20
	shown := wrong[:min(len(wrong), most)]
	if left := len(wrong) - most; left > 0 {
		shown = append(slices.Clone(shown), fmt.Sprintf("and %d more", left))
	}
	return errors.New(strings.Join(shown, "\n"))
}
