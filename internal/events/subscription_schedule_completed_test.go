package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestSubscriptionScheduleCompleted(t *testing.T) {
	testType(t, "subscription_schedule.completed", showsSchedule, map[string]eventCase{
		"2022-completed": scheduled("2022", func(s *v1alpha1.SubscriptionSchedule) { s.Status, s.EndBehavior = "completed", "cancel" }),
		"2026-completed": scheduled("2026", func(s *v1alpha1.SubscriptionSchedule) { s.Status, s.EndBehavior = "completed", "cancel" }),
	})
}
