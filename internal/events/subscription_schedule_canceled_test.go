package events

import "testing"

func TestSubscriptionScheduleCanceled(t *testing.T) {
	testType(t, "subscription_schedule.canceled", showsSchedule, map[string]eventCase{
		"2022-canceled": scheduled("2022", ended("canceled")),
		"2026-canceled": scheduled("2026", ended("canceled")),
	})
}
