package events

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestRefundFailed(t *testing.T) {
	testType(t, "refund.failed", showsNothing, map[string]eventCase{
		"2023-failed": failedRefund("2023-09-05T10:00:00Z"),
		"2026-failed": failedRefund("2026-09-05T11:00:00Z"),
	})
}

// failedRefund is a refund of the whole charge that failed.
func failedRefund(reported string) eventCase {
	record := &v1alpha1.RefundRecord{
		RefundTotal: v1alpha1.RefundTotal{Amount: 1900, Currency: "eur"}, FailedRefundID: "re_1TollKiteRefund",
		Made: &metav1.Time{Time: at(reported).Add(-time.Hour)},
	}
	return eventCase{
		event: projection.Event{ChargeID: chargeID, PaymentIntentID: intentID, Refund: record},
		customer: v1alpha1.CustomerStatus{FailedRefunds: []v1alpha1.FailedRefund{
			{ID: "re_1TollKiteRefund", ChargeID: chargeID, At: *at(reported)},
		}},
	}
}
