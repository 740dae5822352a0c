package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerDiscountUpdated(t *testing.T) {
	testRecorded(t, "customer.discount.updated", map[string]projection.Event{
		"2019-coupon": discounted("2019", percentOff),
		"2026-source": discounted("2026", byCode),
	})
}
