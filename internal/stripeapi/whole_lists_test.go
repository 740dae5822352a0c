package stripeapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

// Stripe sends the first ten entries of a list within an object. All are read, page by page, in every API version; and
// an invoice with what only an expanded field says: its payment intent, and the metadata of its prices.
func TestListsAreWhole(t *testing.T) {
	world := NewWorld(begin, New, 1)
	var items, lines []Object
	for i := range 25 {
		price := Object{"id": fmt.Sprintf("price_%d", i), "object": "price", "product": "prod_1", "metadata": Object{"tollkeeper_access": "30d"}}
		items = append(items, Object{"id": fmt.Sprintf("si_%d", i), "object": "subscription_item", "price": price})
		lines = append(lines, Object{"id": fmt.Sprintf("il_%d", i), "object": "line_item", "type": "invoiceitem", "amount": 1, "price": price})
	}
	list := func(entries []Object) Object { return Object{"object": "list", "data": entries, "has_more": false} }
	world.Put(Subscription(Old, "sub_1", "cus_1", "active", begin, begin.AddDate(0, 1, 0)).With("items", list(items)))
	world.Put(Invoice(Old, "in_1", "cus_1", "", "paid", Amount, begin, begin).With("lines", list(lines)).With("payment_intent", "pi_1"))
	world.Put(InvoicePayment("inpay_1", "in_1", "pi_1", Amount, begin))
	api := NewAPI(key, world)
	api.PageSize = 10
	server := api.Start()
	t.Cleanup(server.Close)
	for _, version := range []string{"", string(New), string(Old)} {
		client := stripeapi.New(key, server.URL, version)
		subscription, err := client.Subscription(t.Context(), "", "sub_1")
		if state := stripejson.Subscription(subscription.Object, "tollkeeper_"); err != nil || len(state.Items) != 25 || state.MoreItems ||
			state.Items[24].Price != "price_24" || !state.CurrentPeriodEnd.Time.Equal(begin.AddDate(0, 1, 0)) {
			t.Errorf("%s: %d items until %s, more: %t (%v)", version, len(state.Items), state.CurrentPeriodEnd, state.MoreItems, err)
		}
		listed, err := client.Subscriptions(t.Context(), "", "cus_1")
		if err != nil || len(listed) != 1 || len(listed[0].Object.List("items.data")) != 25 {
			t.Errorf("%s: the listed subscription has not all items (%v)", version, err)
		}
		invoice, err := client.Invoice(t.Context(), "", "in_1")
		if record := stripejson.Invoice(invoice.Object); err != nil || len(invoice.Object.List("lines.data")) != 25 || record.MoreLines ||
			record.PaymentIntentID != "pi_1" || stripejson.PriceMetadata(invoice.Object, "tollkeeper_")["access"] != "30d" {
			t.Errorf("%s: %d lines, record %+v (%v)", version, len(invoice.Object.List("lines.data")), record, err)
		}
	}
}

// Which invoice a payment paid is read where the charge does not say it.
func TestInvoicePayments(t *testing.T) {
	world, api, client := account(t)
	intent := world.Objects("payment_intent")[0].ID()
	payments, err := client.InvoicePayments(t.Context(), "", intent)
	if err != nil || len(payments) != 1 || payments[0].Object.ID("invoice") != world.Objects("invoice")[0].ID() {
		t.Errorf("%d payments of %s (%v)", len(payments), intent, err)
	}
	if none, err := client.InvoicePayments(t.Context(), "", intent+"&payment[type]=x"); err != nil || len(none) > 0 {
		t.Errorf("an id that is no id gives %d payments (%v)", len(none), err)
	}
	server := api.Start()
	t.Cleanup(server.Close)
	before := len(api.Requests("/"))
	old, err := stripeapi.New(key, server.URL, string(Old)).InvoicePayments(t.Context(), "", intent)
	if err != nil || len(old) > 0 || len(api.Requests("/")) != before {
		t.Errorf("in an API version without them: %d payments (%v)", len(old), err)
	}
}

// An id in a query, which an event may have made up, adds no parameter.
func TestAnIDIsNoQuery(t *testing.T) {
	_, api, client := account(t)
	const id = "cus_1&status=active&limit=1 +%26#x"
	if _, err := client.Subscriptions(t.Context(), "", id); err != nil {
		t.Fatal(err)
	}
	_ = last(client.AllCustomers(t.Context(), "", id))
	requests := api.Requests("/v1/")
	want := map[string][]string{"customer": {id}, "status": {"all"}, "limit": {"100"}}
	if diff := cmp.Diff(want, map[string][]string(requests[0].Query)); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	want = map[string][]string{"starting_after": {id}, "limit": {"100"}}
	if diff := cmp.Diff(want, map[string][]string(requests[1].Query)); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

// The API version that was chosen is the one that each request asks for.
func TestEveryRequestHasTheVersion(t *testing.T) {
	_, api, _ := account(t)
	server := api.Start()
	t.Cleanup(server.Close)
	client := stripeapi.New(key, server.URL, "2024-06-20")
	_, _ = client.Customer(t.Context(), "", "cus_1")
	_, _ = client.Subscriptions(t.Context(), "", "cus_1")
	_ = last(client.Events(t.Context(), "acct_1", begin.Add(-time.Hour)))
	requests := api.Requests("/")
	for _, r := range requests {
		if r.Version != "2024-06-20" {
			t.Errorf("%s asks for version %q", r.Path, r.Version)
		}
	}
	if len(requests) != 3 {
		t.Errorf("%d requests, want 3", len(requests))
	}
}
