package integration

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// A backup tool restores every object without its status, which the API server drops when an object is created. The operator folds the
// recorded events again: in the end there are the same statuses, no customer that was served is published as locked out meanwhile, and no
// e-mail is sent twice.
func TestARestoreWithoutStatuses(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	old := start(t, withMailgun)
	worlds := []*World{wholeLife(New, time.Hour), NewWorld(time.Now().Add(-time.Hour), New, 2)}
	worlds[1].Name = "R"
	worlds[1].Do(SignUp)
	for _, world := range worlds {
		old.send(world.Events()...)
	}
	old.settled()
	old.eventually("both e-mails are sent", func() string {
		if got := subjects(server.Messages()); !cmp.Equal(got, bothSubjects) {
			return fmt.Sprintf("sent are %v", got)
		}
		return ""
	})
	want := map[string]any{}
	for _, world := range worlds {
		maps.Copy(want, old.finalStatuses(world))
	}
	backup := old.backup()
	old.stop()

	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range backup {
		object.SetNamespace(namespace)
		if err := cluster.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	watched := watchEntitlements(t, namespace)
	restored := startIn(t, namespace, withMailgun)
	restored.settled()
	restored.eventually("the statuses are the same", func() string {
		got := map[string]any{}
		for _, world := range worlds {
			maps.Copy(got, restored.finalStatuses(world))
		}
		return cmp.Diff(want, got, ignoreProcessing)
	})
	for id, status := range want {
		customer, ok := status.(v1alpha1.CustomerStatus)
		if !ok {
			continue
		}
		entitled := condition(customer.Conditions, v1alpha1.ConditionEntitled)
		if wrong := watched.wrong(map[string]string{id: entitled}); len(wrong) > 0 {
			t.Errorf("meanwhile: %v", wrong)
		}
	}
	restored.eventually("no e-mail waits", func() string {
		for _, email := range restored.emails() {
			if got := condition(email.Status.Conditions, v1alpha1.ConditionSent); got != "True Accepted" {
				return fmt.Sprintf("%s is %q", email.Name, got)
			}
		}
		return ""
	})
	if got := subjects(server.Messages()); !cmp.Equal(got, bothSubjects) {
		t.Errorf("after the restore the messages are %v", got)
	}
}

// backup returns every object of the operator as a backup tool restores it: without status, owners, and what the API server has set.
func (o *operator) backup() []client.Object {
	o.t.Helper()
	var objects []client.Object
	keep := func(object client.Object) {
		object.SetResourceVersion("")
		object.SetUID("")
		object.SetGeneration(0)
		object.SetCreationTimestamp(metav1.Time{})
		object.SetOwnerReferences(nil)
		object.SetManagedFields(nil)
		objects = append(objects, object)
	}
	events, emails := o.events(), o.emails()
	var customers v1alpha1.CustomerList
	var subscriptions v1alpha1.SubscriptionList
	for _, list := range []client.ObjectList{&customers, &subscriptions} {
		if err := cluster.Client.List(context.Background(), list, client.InNamespace(o.namespace)); err != nil {
			o.t.Fatal(err)
		}
	}
	for i := range events {
		events[i].Status = v1alpha1.BillingEventStatus{}
		keep(&events[i])
	}
	for i := range customers.Items {
		customers.Items[i].Status = v1alpha1.CustomerStatus{}
		keep(&customers.Items[i])
	}
	for i := range subscriptions.Items {
		subscriptions.Items[i].Status = v1alpha1.SubscriptionStatus{}
		keep(&subscriptions.Items[i])
	}
	for i := range emails {
		emails[i].Status = v1alpha1.EmailStatus{}
		keep(&emails[i])
	}
	return objects
}
