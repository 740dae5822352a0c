package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "subscription_schedule.aborted",
		Record:  "schedule",
		Does:    "shows that nothing is planned for the subscription any more: it ended unpaid",
		read:    readSchedule,
		effects: []projection.Effect{projection.ScheduleState},
		unless:  unlessSubscribed,
	})
}
