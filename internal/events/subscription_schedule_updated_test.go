package events

import "testing"

func TestSubscriptionScheduleUpdated(t *testing.T) {
	testType(t, "subscription_schedule.updated", showsSchedule, map[string]eventCase{
		"2022-change": scheduled("2022", toYearly),
		"2026-change": scheduled("2026", toYearly),
	})
}
