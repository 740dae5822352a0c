package projection

import (
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// partSchedule is the part of a Subscription's status that the events of its schedules write.
const partSchedule = "schedule"

// endedSchedules are the statuses of a schedule that Stripe never leaves.
var endedSchedules = []string{"completed", "released", "canceled"}

// ScheduleState shows what is planned for the subscription: the newest schedule in its latest state. A subscription has one
// schedule at a time, so a newer one was created after the older one had ended. An endpoint may receive only some events about
// schedules, so a gap in a schedule's history is no doubt.
func ScheduleState(a *Aggregate, e *Event) bool {
	s, record := a.ensureSubscription(e.SubscriptionID), e.Schedule
	if s == nil || record == nil || record.ID == "" {
		return false
	}
	if old := s.Schedule; old != nil && old.ID != record.ID {
		if compareCreation(old.Created, old.ID, record.Created, record.ID) > 0 {
			return false
		}
		delete(s.Positions, partSchedule)
	}
	authority := v1alpha1.AuthorityState
	if slices.Contains(endedSchedules, record.Status) {
		authority = v1alpha1.AuthorityFinal
	}
	shows := takeStatePart(&s.Positions, partSchedule, positionOf(e, authority, typeRank(e.Type)), record.Trace)
	clearGap(&s.Positions, partSchedule)
	if shows {
		s.Schedule = record.SubscriptionSchedule.DeepCopy()
	}
	return shows
}
