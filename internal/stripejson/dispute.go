package stripejson

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Dispute reads a dispute, which does not name its customer. See https://docs.stripe.com/api/disputes/object.
func Dispute(o Object) *v1alpha1.DisputeRecord {
	return &v1alpha1.DisputeRecord{
		Reason:        o.Word("reason"),
		Status:        o.Word("status"),
		Amount:        o.Amount("amount"),
		Currency:      o.Text(maxCurrency, "currency"),
		EvidenceDueBy: o.Time("evidence_details.due_by"),
		Created:       o.Time("created"),
	}
}
