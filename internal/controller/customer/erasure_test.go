package customer

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// An event with personal data that comes after the erasure has it begin again, with the archive: the event may be there by the time it
// is erased. One without personal data changes nothing.
func TestAnErasureBeginsAgain(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	for name, tc := range map[string]struct {
		spec       v1alpha1.BillingEventSpec
		isComplete bool
	}{
		"with an address":       {v1alpha1.BillingEventSpec{EventID: "evt_1", Customer: &v1alpha1.CustomerRecord{Email: "ada@kite.example"}}, false},
		"without personal data": {v1alpha1.BillingEventSpec{EventID: "evt_1", CustomerID: "cus_1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := &reconciliation{
				customer: &v1alpha1.Customer{},
				pending:  []*pendingEvent{{BillingEvent: &v1alpha1.BillingEvent{ObjectMeta: metav1.ObjectMeta{UID: "uid-1"}, Spec: tc.spec}}},
			}
			a := &projection.Aggregate{Customer: v1alpha1.CustomerStatus{DeletedAt: &at, Erasure: &v1alpha1.Erasure{CompletedAt: &at, Archive: true}}}
			showErasure(c, a)
			if e := a.Customer.Erasure; (e.CompletedAt != nil) != tc.isComplete || e.Archive != tc.isComplete {
				t.Errorf("the erasure is %+v", e)
			}
		})
	}
}

func TestTheTextOfAnErasureCounts(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC))
	for want, e := range map[string]v1alpha1.Erasure{
		"it was taken out of 1 event, and 1 e-mail and 1 password reset were deleted.":                                          {Events: 1, Emails: 1, PasswordResets: 1},
		"it was taken out of 7 events, and 2 e-mails and 0 password resets were deleted. It was taken out of the archive, too.": {Events: 7, Emails: 2, Archive: true},
	} {
		e.CompletedAt = &at
		want = "The customer's personal data was erased on 2026-11-29 12:00:00 UTC: " + want
		if diff := cmp.Diff(want, erasedText(&e)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
