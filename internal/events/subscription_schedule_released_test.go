package events

import "testing"

func TestSubscriptionScheduleReleased(t *testing.T) {
	testType(t, "subscription_schedule.released", showsSchedule, map[string]eventCase{
		"2022-released": scheduled("2022", ended("released")),
		"2026-released": scheduled("2026", ended("released")),
	})
}
