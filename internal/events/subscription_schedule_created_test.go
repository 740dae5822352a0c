package events

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestSubscriptionScheduleCreated(t *testing.T) {
	testType(t, "subscription_schedule.created", showsSchedule, map[string]eventCase{
		"2019-plans":  scheduled("2019", toYearly),
		"2022-change": scheduled("2022", toYearly),
		"2026-change": scheduled("2026", toYearly),
		"2026-ends":   scheduled("2026", func(s *v1alpha1.SubscriptionSchedule) { s.EndsAt, s.EndBehavior = at("2026-10-01"), "cancel" }),
	})
}

const yearly = "price_1TollKiteYearly"

// scheduled is the schedule of the payloads: a month, then a year.
func scheduled(year string, change func(*v1alpha1.SubscriptionSchedule)) eventCase {
	schedule := v1alpha1.SubscriptionSchedule{
		ID: "sub_sched_1TollKite", Status: "active", Created: at(year + "-09-01"), EndBehavior: "release",
	}
	change(&schedule)
	return eventCase{event: projection.Event{
		CustomerID: customerID, SubscriptionID: subscriptionID, Schedule: &v1alpha1.ScheduleRecord{SubscriptionSchedule: schedule},
	}}
}

// toYearly is the change that is planned.
func toYearly(s *v1alpha1.SubscriptionSchedule) {
	start := s.Created.AddDate(0, 1, 0)
	s.EndsAt = &metav1.Time{Time: start.AddDate(1, 0, 0)}
	s.NextPhase = &v1alpha1.SchedulePhase{
		StartsAt: &metav1.Time{Time: start}, EndsAt: s.EndsAt, Items: []v1alpha1.ScheduledItem{{Price: yearly, Quantity: new(int64(3))}},
	}
	if start.Year() == 2019 {
		s.NextPhase.Items[0].Price = "kite-yearly"
	}
}

// ended is a schedule that plans nothing any more.
func ended(status string) func(*v1alpha1.SubscriptionSchedule) {
	return func(s *v1alpha1.SubscriptionSchedule) { s.Status = status }
}

func showsSchedule(e *projection.Event, _ *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus) {
	s.Schedule = &e.Schedule.SubscriptionSchedule
}

// A schedule that will start a subscription has none yet: there is nothing to show it on.
func TestAScheduleWithoutSubscriptionIsOnlyRecorded(t *testing.T) {
	body := strings.ReplaceAll(string(payload(t, "subscription_schedule.created", "2026-change")), `"subscription": "sub_1TollKiteMonthly"`, `"subscription": null`)
	e, err := decoder.Decode([]byte(body))
	if err != nil || e.Schedule == nil {
		t.Fatal(e, err)
	}
	if got := RecordedOnly(e); got != "the schedule has no subscription yet" {
		t.Errorf("it is recorded only because %q", got)
	}
}
