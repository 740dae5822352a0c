package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "subscription_schedule.completed",
		Record:  "schedule",
		Does:    "shows that nothing is planned for the subscription any more: the last phase has ended",
		read:    readSchedule,
		effects: []projection.Effect{projection.ScheduleState},
		unless:  unlessSubscribed,
	})
}
