package request

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/importer"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
)

// The plugin does not import the importer, which comes with Stripe's client.
func TestTheImporterHasTheSameNames(t *testing.T) {
	if ImportConfigMap != importer.ConfigMapName || AnnotationImport != importer.AnnotationImport {
		t.Errorf("the importer has the ConfigMap %s and the annotation %s", importer.ConfigMapName, importer.AnnotationImport)
	}
	for _, phase := range []importer.Phase{importer.Done, importer.Failed} {
		i := Import{Answered: true, Accounts: map[string]Checkpoint{"platform": {Phase: string(phase)}}}
		if !i.IsOver() || i.HasFailed() != (phase == importer.Failed) {
			t.Errorf("the phase %s is over: %t, failed: %t", phase, i.IsOver(), i.HasFailed())
		}
	}
}

func TestReadImport(t *testing.T) {
	const running, done = `{"phase":"Subscriptions","imported":1,"ignored":0,"refused":2,"startedAt":null}`, `{"phase":"Done","imported":7,"ignored":0,"refused":0,"startedAt":null}`
	for name, tc := range map[string]struct {
		data   map[string]string
		value  string
		text   string
		isOver bool
	}{
		"not taken up":   {map[string]string{stripeaccount.Name(""): done}, "r1", "waiting for the operator to take up the request", false},
		"taken up":       {map[string]string{ImportAnswered: "r1"}, "r1", "starting", false},
		"running":        {map[string]string{ImportAnswered: "r1", "platform": done, "acct_1": running}, "r1", "acct_1: subscriptions, 1 object imported, 2 refused; platform: done, 7 objects imported", false},
		"done":           {map[string]string{ImportAnswered: "r1", "platform": done}, "r1", "platform: done, 7 objects imported", true},
		"not asked for":  {map[string]string{"platform": done}, "", "platform: done, 7 objects imported", true},
		"an odd content": {map[string]string{"platform": "x"}, "", "starting", false},
	} {
		t.Run(name, func(t *testing.T) {
			got := ReadImport(&corev1.ConfigMap{Data: tc.data}, tc.value)
			if diff := cmp.Diff(tc.text, got.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.IsOver() != tc.isOver {
				t.Errorf("IsOver is %t", got.IsOver())
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	e := &v1alpha1.BillingEvent{Status: v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeFailed, Retried: "r0"}}
	if Retried(e, "r1") {
		t.Error("an event that was not retried counts as retried")
	}
	if e.Status.Retried, e.Status.Outcome = "r1", v1alpha1.OutcomePending; Retried(e, "r1") {
		t.Error("a pending event counts as retried")
	}
	if e.Status.Outcome = v1alpha1.OutcomeApplied; !Retried(e, "r1") {
		t.Error("an applied event does not count as retried")
	}
	for want, last := range map[string]*v1alpha1.Comparison{
		"the status matches Stripe": {},
		"Stripe does not know the customer: is the key of the right account and mode?": {NotFound: true},
		"the status differed from Stripe and was repaired: email, sub_A.status":        {Differed: []string{"email", "sub_A.status"}},
		"Stripe has another state, and an event that is not older is shown: email":     {Differed: []string{"name"}, Remaining: []string{"email"}},
	} {
		if diff := cmp.Diff(want, DescribeComparison(last)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	c := &v1alpha1.Customer{}
	if Compared(c, "r1") {
		t.Error("a customer without a comparison counts as compared")
	}
	c.Status.LastComparison = &v1alpha1.Comparison{Request: "r1"}
	if !Compared(c, "r1") {
		t.Error("an answered request does not count")
	}
}
