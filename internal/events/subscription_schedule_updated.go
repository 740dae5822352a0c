package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "subscription_schedule.updated",
		Record:  "schedule",
		Does:    "shows what is planned for the subscription, as changed",
		read:    readSchedule,
		effects: []projection.Effect{projection.ScheduleState},
		unless:  unlessSubscribed,
	})
}
