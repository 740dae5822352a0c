package integration

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// An event with personal data that was recorded after the erasure, when the leader was killed before it had replaced the event, is
// found by the next one.
func TestANewLeaderErasesWhatCameLate(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.EraseDeleted = time.Minute })
	events := personalised(t, erasedLife("Late", 7).Events())
	id := customerIn(t, events)
	o.send(events...)
	o.conditionOf(id, v1alpha1.ConditionErased, "True PersonalDataErased")
	o.stop()

	late := &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: naming.Object("", "evt_Late"), Labels: naming.Labels("payment_method.updated", id, "")},
		Spec: v1alpha1.BillingEventSpec{
			EventID: "evt_Late", Type: "payment_method.updated", Created: metav1.NewTime(time.Now().Truncate(time.Second)), CustomerID: id, PayloadSHA256: o.events()[0].Spec.PayloadSHA256,
			Customer: &v1alpha1.CustomerRecord{Name: "Augusta Byron"},
		},
	}
	if err := cluster.Client.Create(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	late.Status = v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeRecorded}
	if err := cluster.Client.Status().Update(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	next := startIn(t, o.namespace)
	next.eventually("what came late is erased", func() string {
		if got := whereIs(namespaced(t, o.namespace), personalTexts...); len(got) > 0 {
			return fmt.Sprint(got)
		}
		return ""
	})
	if got := next.event("evt_Late"); got.Status.ErasedAt == nil || got.Status.Outcome != v1alpha1.OutcomeRecorded {
		t.Errorf("evt_Late is %q, erased at %v", got.Status.Outcome, got.Status.ErasedAt)
	}
}
