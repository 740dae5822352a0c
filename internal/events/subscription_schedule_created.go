package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "subscription_schedule.created",
		Record:  "schedule",
		Does:    "shows what is planned for the subscription: when it changes, to which prices, and whether it ends",
		read:    readSchedule,
		effects: []projection.Effect{projection.ScheduleState},
		unless:  unlessSubscribed,
	})
}
