package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// longLists returns a world with a subscription of twelve items and its paid invoice of twelve lines, the last of which is paid
// for a year, and the events of both. Stripe sends ten of each.
func longLists(now time.Time) (*World, []Event) {
	begin := now.Add(-time.Hour).Truncate(time.Second)
	month, year := begin.AddDate(0, 1, 0), begin.AddDate(1, 0, 0)
	var items, lines []Object
	for i := range 12 {
		items = append(items, Object{"id": fmt.Sprintf("si_%d", i), "object": "subscription_item", "quantity": 1, "price": Object{
			"id": fmt.Sprintf("price_%d", i), "object": "price", "product": Product, "metadata": Object{fmt.Sprintf("tollkeeper_k%d", i): "yes"},
		}})
		until := month
		if i == 11 {
			until = year
		}
		lines = append(lines, Object{
			"id": fmt.Sprintf("il_%d", i), "object": "line_item", "type": "subscription", "subscription": "sub_Long", "amount": Amount,
			"period": Object{"start": begin.Unix(), "end": until.Unix()},
		})
	}
	world := NewWorld(now, New, 1)
	world.Put(Customer("cus_Long", "ada@example.com", "Ada"))
	world.Put(ProductWith("3"))
	world.Put(Subscription(Old, "sub_Long", "cus_Long", "active", begin, month).
		With("items", Object{"object": "list", "data": items, "has_more": false}))
	world.Put(Invoice(Old, "in_Long", "cus_Long", "sub_Long", "paid", 12*Amount, begin, month).
		With("lines", Object{"object": "list", "data": lines, "has_more": false}))
	event := func(id, eventType, object string) Event {
		return Event{ID: id, Type: eventType, Created: begin, Shape: New, Object: Render(world.Object(object), New)}
	}
	return world, []Event{
		event("evt_1", "customer.created", "cus_Long"), event("evt_2", "customer.subscription.created", "sub_Long"),
		event("evt_3", "invoice.paid", "in_Long"),
	}
}

// With a key, all items of a subscription and all lines of its invoice are read. Without one, a condition says that the rest is
// missing.
func TestListsAreReadWhole(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]string{"in the newest version": "", "in an old version": string(Old)} {
		t.Run(name, func(t *testing.T) { checkWholeLists(t, version) })
	}
}

func checkWholeLists(t *testing.T, version string) {
	world, events := longLists(time.Now())
	api, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval, c.StripeAPIVersion = 0, version })
	o.send(events...)
	o.eventually("all items and lines are known", func() string {
		s, c := o.subscription("sub_Long").Status, o.customer("cus_Long").Status
		until := world.Object("sub_Long")["start_date"].(float64)
		if len(s.Items) == 12 && !s.MoreItems && c.Entitlements["k11"] == "yes" && s.PaidThrough != nil &&
			s.PaidThrough.Time.Equal(time.Unix(int64(until), 0).AddDate(1, 0, 0)) {
			return ""
		}
		return fmt.Sprintf("%d items, more: %t, entitlements %v, paid through %s", len(s.Items), s.MoreItems, c.Entitlements, s.PaidThrough)
	})
	o.inSync("sub_Long", "True Compared")
	for _, path := range []string{"/v1/subscription_items", "/v1/invoices/in_Long/lines"} {
		if n := len(api.Requests(path)); n != 1 {
			t.Errorf("%d requests for %s, want 1", n, path)
		}
	}
}

func TestAListThatIsCutIsSaidToBe(t *testing.T) {
	t.Parallel()
	_, events := longLists(time.Now())
	o := start(t)
	o.send(events[0], events[2])
	o.inSync("sub_Long", "Unknown LinesMissing")
	o.send(events[1])
	o.inSync("sub_Long", "Unknown ItemsMissing")
}
