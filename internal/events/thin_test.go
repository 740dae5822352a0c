package events

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// thinBody is a thin event with a type, and more fields of it. See https://docs.stripe.com/api/v2/core/events/object.
func thinBody(eventType, more string) string {
	return fmt.Sprintf(`{"id": "evt_test_1", "object": "v2.core.event", "type": %q, "created": "2017-07-14T02:40:00.246Z",
		"livemode": true, "reason": null%s}`, eventType, more)
}

func TestDecodeThinEvents(t *testing.T) {
	const updated = "v1.customer.subscription.updated"
	subscription := `, "related_object": {"id": "sub_1", "type": "subscription", "url": "/v1/subscriptions/sub_1"}`
	want := func(change func(*projection.Event)) projection.Event {
		e := projection.Event{
			EventID: "evt_test_1", Type: updated, Livemode: true, ObjectID: "sub_1", ObjectKind: "subscription", Thin: &v1alpha1.ThinRecord{},
		}
		change(&e)
		return e
	}
	for name, tc := range map[string]struct {
		body string
		want projection.Event
	}{
		"of the own account": {thinBody(updated, subscription+`, "context": null`), want(func(*projection.Event) {})},
		"with what has changed": {
			thinBody(updated, subscription+`, "changes": {"before": {"status": "active"}, "after": {"status": "past_due"}}, "data": {"x": 1}`),
			want(func(*projection.Event) {}),
		},
		"that names its snapshot event": {
			thinBody(updated, subscription+`, "snapshot_event": "evt_1"`),
			want(func(e *projection.Event) { e.Thin.SnapshotEventID = "evt_1" }),
		},
		"of a connected account": {
			thinBody(updated, subscription+`, "context": "acct_2"`),
			want(func(e *projection.Event) { e.Account, e.Context = "acct_2", "acct_2" }),
		},
		"of a connected account in an organization": {
			thinBody(updated, subscription+`, "context": "acct_1/acct_2"`),
			want(func(e *projection.Event) { e.Account, e.Context = "acct_2", "acct_1/acct_2" }),
		},
		"about nothing": {
			thinBody("v2.core.health.recovered", ""),
			want(func(e *projection.Event) { e.Type, e.ObjectID, e.ObjectKind = "v2.core.health.recovered", "", "" }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decoder.Decode([]byte(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(tc.body))
			tc.want.PayloadSHA256, tc.want.Created = hex.EncodeToString(sum[:]), *at("2017-07-14T02:40:00Z")
			if diff := cmp.Diff(&tc.want, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefusesThinEvents(t *testing.T) {
	for name, tc := range map[string]struct{ body, want string }{
		"without an id":        {`{"object": "v2.core.event", "type": "v1.x", "created": "2017-07-14T02:40:00Z"}`, "the event has no id"},
		"without a type":       {`{"object": "v2.core.event", "id": "evt_1", "created": "2017-07-14T02:40:00Z"}`, "the event has no type"},
		"without a time":       {`{"object": "v2.core.event", "id": "evt_1", "type": "v1.x"}`, "the event has no creation time"},
		"with a Unix time":     {`{"object": "v2.core.event", "id": "evt_1", "type": "v1.x", "created": 1500000000}`, "created: want a time, got a number"},
		"with a bad account":   {thinBody("v1.x", `, "context": "acct_1\n"`), strings.Replace(badID, "id:", "context:", 1)},
		"with a bad object id": {thinBody("v1.x", `, "related_object": {"id": 7}`), "related_object.id: want an id, got a number"},
	} {
		if got, err := decoder.Decode([]byte(tc.body)); err == nil || err.Error() != tc.want {
			t.Errorf("%s: %+v, %v; want %s", name, got, err, tc.want)
		}
	}
}

func TestSnapshotType(t *testing.T) {
	for name, tc := range map[string]struct{ eventType, kind, want string }{
		"of a handled type":               {"v1.invoice.paid", "invoice", "invoice.paid"},
		"of a family":                     {"v1.customer.subscription.past_due", "subscription", "customer.subscription.past_due"},
		"of its own, about a customer":    {"v1.customer.moved", "customer", "customer.updated"},
		"of its own, about anything else": {"v1.payout.delayed", "payout", ""},
		"of API v2":                       {"v2.core.account.updated", "customer", ""},
	} {
		got, handled := SnapshotType(&projection.Event{Type: tc.eventType, ObjectKind: tc.kind, Thin: &v1alpha1.ThinRecord{}})
		if got != tc.want || handled != (tc.want != "") {
			t.Errorf("%s: %q, %t; want %q", name, got, handled, tc.want)
		}
		if _, handled := SnapshotType(&projection.Event{Type: tc.eventType, ObjectKind: tc.kind}); handled {
			t.Errorf("%s: an event that is not thin is taken for one", name)
		}
	}
}

func TestUpdatesAreHandled(t *testing.T) {
	for kind, name := range updates {
		if _, handled := Lookup(name); !handled {
			t.Errorf("%s, which reports a %s, is not handled", name, kind)
		}
	}
}

// What is read for a thin event is folded as the event that Stripe would have sent.
func TestAnnounce(t *testing.T) {
	thin := projection.Event{
		EventID: "evt_test_1", Type: "v1.customer.updated", Created: *at("2026-01-31T12:00:00Z"), Livemode: true, Account: "acct_2",
		Context: "acct_1/acct_2", ObjectID: "cus_1", ObjectKind: "customer", Thin: &v1alpha1.ThinRecord{},
	}
	const object = `{"id": "cus_1", "object": "customer", "email": "ada@example.com", "livemode": true}`
	got, err := decoder.Announce(&thin, "customer.updated", []byte(object))
	if err != nil {
		t.Fatal(err)
	}
	want, err := decoder.Decode([]byte(
		`{"id": "evt_test_1_read", "type": "customer.updated", "created": 1769860800, "livemode": true, "account": "acct_2", "data": {"object": ` + object + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	want.Context, want.NotifiedBy, want.PayloadSHA256 = "acct_1/acct_2", "evt_test_1", got.PayloadSHA256
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if got.Customer == nil || got.Customer.Email != "ada@example.com" {
		t.Errorf("the customer is %+v", got.Customer)
	}

	stored := WithoutRecord(got, "")
	if diff := cmp.Diff([]string{got.Context, got.NotifiedBy}, []string{stored.Context, stored.NotifiedBy}); diff != "" {
		t.Errorf("without its record (-want +got):\n%s", diff)
	}

	for name, tc := range map[string]struct {
		as, object string
		isDeleted  bool
		want       string
	}{
		"another object":  {"customer.updated", `{"id": "cus_2", "object": "customer"}`, false, `stripe returned the "customer" cus_2 when it was asked for the customer cus_1`},
		"another kind":    {"customer.updated", `{"id": "cus_1", "object": "list"}`, false, `stripe returned the "list" cus_1 when it was asked for the customer cus_1`},
		"no JSON":         {"customer.updated", `<html>`, false, "not a JSON object: invalid character '<' looking for beginning of value"},
		"deleted since":   {"customer.updated", `{"id": "cus_1", "object": "customer", "deleted": true}`, true, "stripe has deleted the object since"},
		"deleted by this": {"customer.deleted", `{"id": "cus_1", "object": "customer", "deleted": true}`, false, ""},
	} {
		_, err := decoder.Announce(&thin, tc.as, []byte(tc.object))
		if text := fmt.Sprint(err); tc.want == "" && err != nil || tc.want != "" && text != tc.want || IsDeletedSince(err) != tc.isDeleted {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
