package stripejson

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What was captured is what was paid. Before 2020 a charge does not say how much that is.
func TestAmountOfACharge(t *testing.T) {
	type reading struct {
		Amount     int64
		Uncaptured bool
	}
	for name, tc := range map[string]struct {
		charge string
		want   reading
	}{
		"captured whole":      {`{"status": "succeeded", "captured": true, "amount": 1900, "amount_captured": 1900}`, reading{1900, false}},
		"captured in part":    {`{"status": "succeeded", "captured": true, "amount": 1900, "amount_captured": 700}`, reading{700, false}},
		"captured, of 2017":   {`{"status": "succeeded", "captured": true, "amount": 1900}`, reading{1900, false}},
		"captured is missing": {`{"status": "succeeded", "amount": 1900}`, reading{1900, false}},
		"only authorized":     {`{"status": "succeeded", "captured": false, "amount": 1900, "amount_captured": 0}`, reading{1900, true}},
		"failed":              {`{"status": "failed", "captured": false, "amount": 1900, "amount_captured": 0}`, reading{1900, false}},
		"pending":             {`{"status": "pending", "captured": true, "amount": 1900, "amount_captured": 0}`, reading{1900, false}},
	} {
		t.Run(name, func(t *testing.T) {
			payment := Charge(parse(t, tc.charge))
			if diff := cmp.Diff(tc.want, reading{payment.Amount, payment.Uncaptured}); diff != "" {
				t.Errorf("charge (-want +got):\n%s", diff)
			}
		})
	}
}
