package stripejson

import (
	"fmt"
	"testing"
)

// Which lines extend the paid period of an invoice's own subscription, sub_A.
func TestServicePeriod(t *testing.T) {
	line := func(amount, end int, subscription string, proration bool) string {
		return fmt.Sprintf(`{"amount": %d, "period": {"start": 1000, "end": %d}, "parent": {"type": "subscription_item_details",
			"subscription_item_details": {"subscription": %q, "proration": %t}}}`, amount, end, subscription, proration)
	}
	for name, tc := range map[string]struct {
		lines string
		want  int64 // 0 if the invoice extends nothing
	}{
		"a line of the subscription":               {line(2900, 2000, "sub_A", false), 2000},
		"a line that costs nothing, as in a trial": {line(0, 2000, "sub_A", false), 2000},
		"a line of another subscription":           {line(2900, 2000, "sub_A", false) + "," + line(2900, 9000, "sub_B", false), 2000},
		"another subscription's line only":         {line(2900, 9000, "sub_B", false), 0},
		"a proration":                              {line(500, 9000, "sub_A", true), 0},
		"a credit":                                 {line(-500, 9000, "sub_A", false) + "," + line(2900, 2000, "sub_A", false), 2000},
		"an invoice item":                          {`{"amount": 900, "period": {"start": 1, "end": 9000}, "parent": {"type": "invoice_item_details"}}`, 0},
		"an old line, which names nothing":         {`{"amount": 900, "period": {"start": 1, "end": 2000}, "type": "subscription"}`, 2000},
		"an old line of another subscription":      {`{"amount": 900, "period": {"start": 1, "end": 2000}, "type": "subscription", "subscription": "sub_B"}`, 0},
		"an old proration":                         {`{"amount": 900, "period": {"start": 1, "end": 2000}, "type": "subscription", "proration": true}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Parse([]byte(fmt.Sprintf(`{"object": "invoice", "parent": {"subscription_details": {"subscription": "sub_A"}},
				"lines": {"data": [%s]}}`, tc.lines)))
			if err != nil {
				t.Fatal(err)
			}
			got := int64(0)
			if end := Invoice(o).PeriodEnd; end != nil {
				got = end.Unix()
			}
			if got != tc.want || o.Err() != nil {
				t.Errorf("the period ends at %d, want %d (%v)", got, tc.want, o.Err())
			}
		})
	}
}
