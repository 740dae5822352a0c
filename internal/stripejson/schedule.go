package stripejson

import (
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// maxPhaseItems is how many items of a phase are shown: Stripe's limit for a subscription until 2026-08-26.
const maxPhaseItems = 20

// Schedule reads a subscription schedule. Which phase is next follows from the phase that Stripe calls the current one, and
// from no clock: when a phase starts, Stripe reports it. See https://docs.stripe.com/api/subscription_schedules/object.
func Schedule(o Object) v1alpha1.SubscriptionSchedule {
	schedule := v1alpha1.SubscriptionSchedule{
		ID:          o.ID("id"),
		Status:      o.Word("status"),
		Created:     o.Time("created"),
		EndBehavior: o.Word("end_behavior", "renewal_behavior"),
	}
	phases := o.List("phases")
	if slices.Contains([]string{"completed", "released", "canceled"}, schedule.Status) || len(phases) == 0 {
		return schedule
	}
	schedule.EndsAt = phases[len(phases)-1].Time("end_date")
	if next := nextPhase(phases, o.Object("current_phase")); next.Present() {
		schedule.NextPhase = schedulePhase(next)
	}
	return schedule
}

// nextPhase is the phase that follows the current one; the first one if none has started.
func nextPhase(phases []Object, current Object) Object {
	currentEnd := current.Time("end_date")
	for _, phase := range phases {
		start := phase.Time("start_date")
		if !current.Present() || currentEnd != nil && start != nil && !start.Before(currentEnd) {
			return phase
		}
	}
	return Object{}
}

// schedulePhase reads a phase. Its items were called plans before 2020.
func schedulePhase(o Object) *v1alpha1.SchedulePhase {
	phase := &v1alpha1.SchedulePhase{
		StartsAt: o.Time("start_date"), EndsAt: o.Time("end_date"), TrialEnd: o.Time("trial_end"),
	}
	for _, item := range o.List("items", "plans") {
		if len(phase.Items) < maxPhaseItems {
			phase.Items = append(phase.Items, v1alpha1.ScheduledItem{Price: item.ID("price", "plan"), Quantity: item.Int("quantity")})
		}
	}
	return phase
}
