package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/importer"
)

// state is everything that an operator has created.
type state struct {
	events        v1alpha1.BillingEventList
	customers     v1alpha1.CustomerList
	subscriptions v1alpha1.SubscriptionList
	emails        v1alpha1.EmailList
	resets        v1alpha1.PasswordResetList
	configMaps    corev1.ConfigMapList // the operator's checkpoints
	// archived are the events that are in the archive, and not in the cluster.
	archived []v1alpha1.BillingEvent
}

func (s *state) lists() []client.ObjectList {
	return []client.ObjectList{&s.events, &s.customers, &s.subscriptions, &s.emails, &s.resets}
}

// each calls do with every object.
func (s *state) each(do func(client.Object)) {
	for _, list := range append(s.lists(), &s.configMaps) {
		_ = meta.EachListItem(list, func(item runtime.Object) error { // it is a list
			do(item.(client.Object))
			return nil
		})
	}
}

// read reads the state. It retries for a while: the API server may still be recovering from a fault.
func (o *operator) read(ctx context.Context) (s *state, err error) {
	err = poll(ctx, time.Second, time.Minute, 3*time.Minute, "the state can be read", func(ctx context.Context) error {
		s = &state{}
		for _, list := range append(s.lists(), &s.configMaps) {
			if err := o.cluster.client.List(ctx, list, client.InNamespace(o.namespace)); err != nil {
				return err
			}
		}
		return nil
	})
	return s, err
}

// allDone returns nil if no event is pending and every e-mail is sent. It requests as little as possible, because it
// shares the CPUs with the managers.
func (o *operator) allDone(ctx context.Context) error {
	var events v1alpha1.BillingEventList
	if err := o.cluster.client.List(ctx, &events, client.InNamespace(o.namespace),
		client.MatchingFields{v1alpha1.FieldOutcome: string(v1alpha1.OutcomePending)}, client.Limit(1)); err != nil {
		return err
	}
	for _, e := range events.Items {
		return fmt.Errorf("event %s (%s) is pending, perhaps others too: %s", e.Spec.EventID, e.Spec.Type, e.Status.Message)
	}
	var emails v1alpha1.EmailList
	if err := o.cluster.client.List(ctx, &emails, client.InNamespace(o.namespace)); err != nil {
		return err
	}
	unsent := 0
	for _, email := range emails.Items {
		if !meta.IsStatusConditionTrue(email.Status.Conditions, v1alpha1.ConditionSent) {
			unsent++
		}
	}
	if unsent > 0 {
		return fmt.Errorf("%d e-mails are not sent", unsent)
	}
	if err := o.allImported(ctx); err != nil || o.archive == "" {
		return err
	}
	return o.allArchived(ctx)
}

// allImported returns nil if every request for an import is answered, and every imported customer is known.
func (o *operator) allImported(ctx context.Context) error {
	var stored corev1.ConfigMap
	if err := o.cluster.client.Get(ctx, client.ObjectKey{Namespace: o.namespace, Name: importer.ConfigMapName}, &stored); err != nil {
		return err
	}
	request := stored.Annotations[importer.AnnotationImport]
	if answered := stored.Data[importer.RequestKey]; answered != request {
		return fmt.Errorf("the import %q that was requested has not begun: answered is %q", request, answered)
	}
	for _, i := range o.remotes.account.imported {
		var done importer.Checkpoint
		if err := json.Unmarshal([]byte(stored.Data[i.world.Account]), &done); err != nil || done.Phase != importer.Done {
			return fmt.Errorf("the import of %s is not over: %q, %w", i.world.Account, done.Phase, err)
		}
		var c v1alpha1.Customer
		if err := o.cluster.client.Get(ctx, client.ObjectKey{Namespace: o.namespace, Name: i.name()}, &c); err != nil {
			return err
		}
		for _, name := range []string{v1alpha1.ConditionEntitled, v1alpha1.ConditionInSync} {
			if known := meta.FindStatusCondition(c.Status.Conditions, name); known == nil || known.Status == metav1.ConditionUnknown {
				return fmt.Errorf("%s of the imported Customer %s is not known", name, c.Name)
			}
		}
	}
	return nil
}

// awaitSettled waits until everything is done, and then checks that nothing is written any more.
func (o *operator) awaitSettled(ctx context.Context, patience time.Duration) (*state, error) {
	if err := poll(ctx, time.Second, 30*time.Second, patience, "everything is done", o.allDone); err != nil {
		return nil, err
	}
	before, err := o.read(ctx)
	if err != nil {
		return nil, err
	}
	const rest = 10 * time.Second
	pause(ctx, rest)
	after, err := o.read(ctx)
	if err != nil {
		return nil, err
	}
	was, is := before.versions(), after.versions()
	for name, version := range is {
		if was[name] != version {
			return after, fmt.Errorf("%s was written again within %s after everything was done", name, rest)
		}
	}
	if !maps.Equal(was, is) {
		return after, fmt.Errorf("an object was deleted within %s after everything was done", rest)
	}
	return after, nil
}

// versions returns the resourceVersion of every object.
func (s *state) versions() map[string]string {
	versions := map[string]string{}
	for _, list := range s.lists() {
		_ = meta.EachListItem(list, func(item runtime.Object) error { // it is a list
			object := item.(client.Object)
			versions[fmt.Sprintf("%T %s", object, object.GetName())] = object.GetResourceVersion()
			return nil
		})
	}
	return versions
}

// results returns what must not depend on faults, by kind and name: the recorded events, the statuses of customers and
// subscriptions, and the planned e-mails. It leaves out the statuses of events and e-mails, which hold times and
// numbers of attempts, and which of the customer's checkouts planned an e-mail: the first that arrived. Of imported customers
// it has what the import says, and not when.
func (s *state) results() map[string]any {
	results := map[string]any{}
	for _, e := range slices.Concat(s.events.Items, s.archived) {
		results["BillingEvent "+e.Name] = e.Spec
	}
	for _, email := range s.emails.Items {
		email.Spec.SessionID, email.Spec.SendBefore = "", nil
		results["Email "+email.Name] = email.Spec
	}
	for _, c := range s.customers.Items {
		if results["Customer "+c.Name] = [2]any{c.Spec, c.Status}; c.Spec.Account != "" {
			results["Customer "+c.Name] = importedResult(&c)
		}
	}
	for _, sub := range s.subscriptions.Items {
		if results["Subscription "+sub.Name] = [2]any{sub.Spec, sub.Status}; sub.Spec.Account != "" {
			results["Subscription "+sub.Name] = [2]any{sub.Spec, sub.Status.Status}
		}
	}
	return results
}

// importedResult is what a status says that was read from Stripe. When it was read, also sets when a grace period ends.
func importedResult(c *v1alpha1.Customer) any {
	entitled := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionEntitled)
	if entitled == nil {
		return "no decision"
	}
	return []any{c.Spec, c.Status.Email, c.Status.Plan, entitled.Status, entitled.Reason}
}
