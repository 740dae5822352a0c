package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:    "subscription_schedule.expiring",
		Record:  "schedule",
		Does:    "shows what is planned for the subscription, a week before the schedule ends",
		read:    readSchedule,
		effects: []projection.Effect{projection.ScheduleState},
		unless:  unlessSubscribed,
	})
}
