package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerDiscountDeleted(t *testing.T) {
	testRecorded(t, "customer.discount.deleted", map[string]projection.Event{
		"2019-coupon": discounted("2019", percentOff),
		"2026-source": discounted("2026", byCode),
	})
}
