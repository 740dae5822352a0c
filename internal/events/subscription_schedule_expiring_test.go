package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestSubscriptionScheduleExpiring(t *testing.T) {
	testType(t, "subscription_schedule.expiring", showsSchedule, map[string]eventCase{
		"2022-last-phase": scheduled("2022", func(s *v1alpha1.SubscriptionSchedule) { s.EndsAt = at("2023-10-01") }),
		"2026-last-phase": scheduled("2026", func(s *v1alpha1.SubscriptionSchedule) { s.EndsAt = at("2027-10-01") }),
	})
}
