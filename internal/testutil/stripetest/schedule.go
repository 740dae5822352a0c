package stripetest

import (
	"slices"
	"time"
)

// SubscriptionSchedule returns an active schedule whose current phase bills the usual price from start to change, and whose
// next one bills another price for a year.
func SubscriptionSchedule(id, customer, subscription, price string, start, change time.Time) Object {
	phase := func(price string, quantity int, start, end time.Time) Object {
		return Object{
			"start_date": start.Unix(), "end_date": end.Unix(), "trial_end": nil, "currency": Currency, "metadata": Object{},
			"items": []Object{{"price": price, "plan": price, "quantity": quantity, "metadata": Object{}}},
		}
	}
	return Object{
		"id": id, "object": "subscription_schedule", "customer": customer, "subscription": subscription, "released_subscription": nil,
		"status": "active", "created": start.Unix(), "end_behavior": "release", "livemode": false, "metadata": Object{},
		"current_phase": Object{"start_date": start.Unix(), "end_date": change.Unix()},
		"phases":        []Object{phase(Price, 1, start, change), phase(price, 2, change, change.AddDate(1, 0, 0))},
		"canceled_at":   nil, "completed_at": nil, "released_at": nil,
	}
}

// scheduleChange plans another price for the newest active subscription, unless something is planned already.
func (w *World) scheduleChange() {
	w.withSubscription(func(id string) {
		if w.activeSchedule(id) == "" {
			schedule := SubscriptionSchedule(w.id("sub_sched"), w.customer(), id, "price_Max99", w.now, monthAfter(w.now))
			w.add(schedule, "subscription_schedule.created")
		}
	}, "active")
}

// activeSchedule returns the subscription's active schedule; that of any subscription if the id is empty.
func (w *World) activeSchedule(subscription string) string {
	return w.newest("subscription_schedule", func(o Object) bool {
		return o["status"] == "active" && (subscription == "" || o["subscription"] == subscription)
	})
}

// editSchedule changes the newest active schedule, which it creates first if there is none.
func (w *World) editSchedule(eventType string, change func(Object)) {
	w.scheduleChange()
	if id := w.activeSchedule(""); id != "" {
		w.change(id, eventType, change)
	}
}

// startPhase starts the last phase of a schedule.
func startPhase(o Object) {
	last := lastPhase(o)
	o["current_phase"] = Object{"start_date": last["start_date"], "end_date": last["end_date"]}
}

func lastPhase(schedule Object) map[string]any {
	phases := schedule["phases"].([]any)
	return phases[len(phases)-1].(map[string]any)
}

// endSchedule ends a schedule in the status.
func (w *World) endSchedule(id, eventType, status string) {
	w.change(id, eventType, func(o Object) {
		o["status"], o[status+"_at"], o["current_phase"] = status, w.now.Unix(), nil
		if status == "released" {
			o["subscription"], o["released_subscription"] = nil, o["subscription"]
		}
	})
}

// scheduleOps are the operations on schedules.
var scheduleOps = map[Op]func(*World){
	PlanChange: func(w *World) { w.scheduleChange() },
	ChangePlanned: func(w *World) {
		w.editSchedule("subscription_schedule.updated", func(o Object) {
			item := lastPhase(o)["items"].([]any)[0].(map[string]any)
			item["quantity"] = 1 + item["quantity"].(float64)
		})
	},
	RevertPlanned: func(w *World) {
		w.editSchedule("subscription_schedule.updated", func(o Object) {
			item := lastPhase(o)["items"].([]any)[0].(map[string]any)
			item["quantity"] = max(1, item["quantity"].(float64)-1)
		})
	},
	StartPlanned: func(w *World) { w.editSchedule("subscription_schedule.updated", startPhase) },
	AnnouncePlan: func(w *World) { w.editSchedule("subscription_schedule.expiring", func(Object) {}) },
	PlanToEnd: func(w *World) {
		w.editSchedule("subscription_schedule.updated", func(o Object) { o["end_behavior"] = "cancel" })
	},
	CompletePlan:  func(w *World) { w.endNewestSchedule("subscription_schedule.completed", "completed") },
	ReleasePlan:   func(w *World) { w.endNewestSchedule("subscription_schedule.released", "released") },
	CancelPlanned: func(w *World) { w.endNewestSchedule("subscription_schedule.canceled", "canceled") },
}

func (w *World) endNewestSchedule(eventType, status string) {
	if id := w.activeSchedule(""); id != "" {
		w.endSchedule(id, eventType, status)
	}
}

// abortSchedules ends the schedules of a subscription that ends unpaid.
func (w *World) abortSchedules(subscription string) {
	for _, id := range slices.Clone(w.created) {
		if o := w.objects[id]; o != nil && o["object"] == "subscription_schedule" && o["subscription"] == subscription && o["status"] == "active" {
			w.endSchedule(id, "subscription_schedule.aborted", "canceled")
		}
	}
}
