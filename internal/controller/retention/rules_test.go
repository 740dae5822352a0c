package retention

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	day  = 24 * time.Hour
	keep = 45 * day
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// old is a settled event that may go.
func old(change func(*v1alpha1.BillingEvent)) *v1alpha1.BillingEvent {
	e := &v1alpha1.BillingEvent{}
	e.Name = "evt-1"
	e.Spec = v1alpha1.BillingEventSpec{EventID: "evt_1", Type: "invoice.paid", Created: metav1.NewTime(now.Add(-60 * day)), CustomerID: "cus_1"}
	e.Status = v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeApplied, ProcessedAt: new(metav1.NewTime(now.Add(-60 * day)))}
	if change != nil {
		change(e)
	}
	return e
}

func outcome(o v1alpha1.Outcome) func(*v1alpha1.BillingEvent) {
	return func(e *v1alpha1.BillingEvent) { e.Status.Outcome = o }
}

func created(age time.Duration) func(*v1alpha1.BillingEvent) {
	return func(e *v1alpha1.BillingEvent) { e.Spec.Created = metav1.NewTime(now.Add(-age)) }
}

func processed(ago time.Duration) func(*v1alpha1.BillingEvent) {
	return func(e *v1alpha1.BillingEvent) { e.Status.ProcessedAt = new(metav1.NewTime(now.Add(-ago))) }
}

func dispute(id string) func(*v1alpha1.BillingEvent) {
	return func(e *v1alpha1.BillingEvent) {
		e.Spec.Type, e.Spec.CustomerID, e.Status.CustomerID = "charge.dispute.created", "", "cus_1"
		e.Spec.ObjectID, e.Spec.Dispute = id, &v1alpha1.DisputeRecord{Status: "needs_response"}
	}
}

func payment(chargeID, intentID string) func(*v1alpha1.BillingEvent) {
	return func(e *v1alpha1.BillingEvent) {
		e.Spec.ChargeID, e.Spec.PaymentIntentID = chargeID, intentID
	}
}

func TestWhatMayGo(t *testing.T) {
	open := []v1alpha1.Dispute{{ID: "dp_0"}, {ID: "dp_1", ChargeID: "ch_1", PaymentIntentID: "pi_1"}}
	recorded := func(reason v1alpha1.RecordedReason) func(*v1alpha1.BillingEvent) {
		return func(e *v1alpha1.BillingEvent) {
			e.Status.Outcome, e.Status.Reason = v1alpha1.OutcomeRecorded, reason
		}
	}
	for name, tc := range map[string]struct {
		change       func(*v1alpha1.BillingEvent)
		openDisputes []v1alpha1.Dispute
		want         kept
	}{
		"applied":                         {nil, nil, ""},
		"superseded":                      {outcome(v1alpha1.OutcomeSuperseded), nil, ""},
		"recorded, of a type not handled": {recorded(v1alpha1.RecordedUnhandledType), nil, ""},
		"recorded, of the other mode":     {recorded(v1alpha1.RecordedOtherMode), nil, ""},
		"recorded, of another account":    {recorded(v1alpha1.RecordedOtherAccount), nil, ""},
		"recorded, of a guest":            {recorded(v1alpha1.RecordedNoCustomer), nil, ""},
		"recorded by an earlier version":  {recorded(""), nil, ""},
		"pending":                         {outcome(v1alpha1.OutcomePending), nil, keptPending},
		"failed":                          {outcome(v1alpha1.OutcomeFailed), nil, keptFailed},
		"an outcome of a later version":   {outcome("Deferred"), nil, keptUnreadable},
		"failed and dismissed": {func(e *v1alpha1.BillingEvent) {
			e.Status.Outcome = v1alpha1.OutcomeFailed
			e.Annotations = map[string]string{v1alpha1.AnnotationDismissed: "ada: done"}
		}, nil, keptFailed},
		"younger":            {created(44 * day), nil, keptYoung},
		"of the very second": {created(keep), nil, keptYoung},
		"a second older":     {created(keep + time.Second), nil, ""},
		"old, and recorded lately": {func(e *v1alpha1.BillingEvent) {
			e.CreationTimestamp = metav1.NewTime(now.Add(-2 * day))
			processed(2 * day)(e)
		}, nil, ""},
		"old, and applied an hour ago":    {processed(time.Hour), nil, keptJustEnded},
		"without the time of its outcome": {func(e *v1alpha1.BillingEvent) { e.Status.ProcessedAt = nil }, nil, keptJustEnded},
		"dated tomorrow":                  {created(-day), nil, keptYoung},
		"a retry is asked for": {func(e *v1alpha1.BillingEvent) {
			recorded("")(e)
			e.Labels = map[string]string{v1alpha1.LabelRetry: "1"}
		}, nil, keptRetry},
		"a retry was answered": {func(e *v1alpha1.BillingEvent) {
			recorded("")(e)
			e.Labels = map[string]string{v1alpha1.LabelRetry: "1"}
			e.Status.Retried = "1"
		}, nil, ""},
		"an annotation of a retry, as it was":  {func(e *v1alpha1.BillingEvent) { e.Annotations = map[string]string{v1alpha1.AnnotationRetry: "1"} }, nil, ""},
		"a finalizer":                          {func(e *v1alpha1.BillingEvent) { e.Finalizers = []string{"example.com/hold"} }, nil, keptProtected},
		"of an open dispute":                   {dispute("dp_1"), open, keptOpenCase},
		"of a closed dispute":                  {dispute("dp_2"), open, ""},
		"the charge of an open dispute":        {payment("ch_1", ""), open, keptOpenCase},
		"the payment of an open dispute":       {payment("", "pi_1"), open, keptOpenCase},
		"another charge":                       {payment("ch_2", ""), open, ""},
		"another payment":                      {payment("", "pi_2"), open, ""},
		"no payment":                           {nil, open, ""},
		"the object's id is that of a dispute": {func(e *v1alpha1.BillingEvent) { e.Spec.ObjectID = "dp_1" }, open, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := whyKept(old(tc.change), now.Add(-keep), now, tc.openDisputes); got != tc.want {
				t.Errorf("kept: %q, want %q", got, tc.want)
			}
		})
	}
}
