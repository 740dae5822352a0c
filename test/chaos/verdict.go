package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// state is everything that an operator has made.
type state struct {
	events        v1alpha1.BillingEventList
	customers     v1alpha1.CustomerList
	subscriptions v1alpha1.SubscriptionList
	emails        v1alpha1.EmailList
}

func (o *operator) read(ctx context.Context) (*state, error) {
	s := &state{}
	for _, list := range []client.ObjectList{&s.events, &s.customers, &s.subscriptions, &s.emails} {
		if err := o.cluster.client.List(ctx, list, client.InNamespace(o.namespace)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// unfinished says what still has to be done.
func (s *state) unfinished() error {
	pending, unsent := 0, 0
	for _, e := range s.events.Items {
		if e.Status.Outcome == "" || e.Status.Outcome == v1alpha1.OutcomePending {
			pending++
		}
	}
	for _, email := range s.emails.Items {
		if !meta.IsStatusConditionTrue(email.Status.Conditions, v1alpha1.ConditionSent) {
			unsent++
		}
	}
	if pending+unsent > 0 {
		return fmt.Errorf("%d events are pending, %d e-mails are not sent", pending, unsent)
	}
	return nil
}

// versions are the resourceVersions of everything.
func (s *state) versions() map[string]string {
	versions := map[string]string{}
	_ = s.each(func(object client.Object) error {
		versions[fmt.Sprintf("%T/%s", object, object.GetName())] = object.GetResourceVersion()
		return nil
	})
	return versions
}

func (s *state) each(do func(client.Object) error) error {
	for _, list := range []client.ObjectList{&s.events, &s.customers, &s.subscriptions, &s.emails} {
		objects, err := meta.ExtractList(list)
		if err != nil {
			return err
		}
		for _, object := range objects {
			if err := do(object.(client.Object)); err != nil {
				return err
			}
		}
	}
	return nil
}

// settled waits until nothing is left to do and nothing is written any more.
func (o *operator) settled(ctx context.Context, patience time.Duration) (*state, error) {
	var last *state
	err := eventually(ctx, patience, "everything is done", func() (err error) {
		if last, err = o.read(ctx); err != nil {
			return err
		}
		return last.unfinished()
	})
	if err != nil {
		return last, err
	}
	const rest = 10 * time.Second
	pause(ctx, rest)
	later, err := o.read(ctx)
	if err != nil {
		return last, err
	}
	if !maps.Equal(last.versions(), later.versions()) {
		err = fmt.Errorf("something is still being written %s after all was done", rest)
	}
	return later, err
}

// statuses are those of customers and subscriptions, by kind and name; of an e-mail its spec, as its status tells how often it was tried.
func (s *state) statuses() map[string]any {
	statuses := map[string]any{}
	for _, email := range s.emails.Items {
		statuses["Email "+email.Name] = email.Spec
	}
	for _, c := range s.customers.Items {
		statuses["Customer "+c.Name] = c.Status
	}
	for _, sub := range s.subscriptions.Items {
		statuses["Subscription "+sub.Name] = sub.Status
	}
	return statuses
}

// verdict is what is wrong after all is over.
type verdict struct {
	lost, doubled, diverged int
	wrong                   []string
}

func (v *verdict) addf(format string, arguments ...any) {
	v.wrong = append(v.wrong, fmt.Sprintf(format, arguments...))
}

// lostEvents looks for acknowledged events with no record, and for records that are not one for one.
func (v *verdict) lostEvents(s *state, acked map[string]string) {
	records := map[string]int{}
	for _, e := range s.events.Items {
		records[e.Spec.EventID]++
		if e.Status.Outcome == v1alpha1.OutcomeFailed {
			v.addf("event %s (%s) has Failed: %s", e.Spec.EventID, e.Spec.Type, meta.FindStatusCondition(e.Status.Conditions, v1alpha1.ConditionProcessed).Message)
		}
	}
	for id, eventType := range acked {
		switch n := records[id]; {
		case n == 0:
			v.lost++
			v.addf("event %s (%s) was acknowledged and is not there", id, eventType)
		case n > 1:
			v.doubled += n - 1
			v.addf("event %s (%s) has %d BillingEvents", id, eventType, n)
		}
	}
}

// mails looks for e-mails that were not sent exactly once.
func (v *verdict) mails(s *state, o *operator) {
	accepted := map[string]int{}
	for _, m := range o.mailgun.Messages() {
		accepted[strings.Trim(m.Field("h:Message-Id"), "<>")]++
	}
	for _, email := range s.emails.Items {
		id := ""
		if email.Status.Attempt != nil {
			id = strings.Trim(email.Status.Attempt.MessageID, "<>")
		}
		switch n := accepted[id]; {
		case n == 0:
			v.lost++
			v.addf("Email %s says it is sent; Mailgun does not have it", email.Name)
		case n > 1:
			v.doubled += n - 1
			v.addf("Email %s was sent %d times", email.Name, n)
		}
		delete(accepted, id)
	}
	for id, n := range accepted {
		v.doubled += n
		v.addf("Mailgun was sent %s, which no Email knows", id)
	}
}

// divergence compares the statuses with those of the undisturbed run. When each was written does not count.
func (v *verdict) divergence(want, got map[string]any) {
	ignore := cmpopts.IgnoreFields(metav1.Condition{}, "LastTransitionTime")
	names := map[string]bool{}
	for _, statuses := range []map[string]any{want, got} {
		for name := range statuses {
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

// err is nil if nothing is wrong.
func (v *verdict) err() error {
	if len(v.wrong) == 0 {
		return nil
	}
	const most = 20
	shown := v.wrong[:min(len(v.wrong), most)]
	if left := len(v.wrong) - most; left > 0 {
		shown = append(slices.Clone(shown), fmt.Sprintf("and %d more", left))
	}
	return errors.New(strings.Join(shown, "\n"))
}
