package events

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// body is an event with an object, both given as the inner part of their JSON.
func body(envelope, object string) string {
	return fmt.Sprintf(`{%s, "data": {"object": {%s}}}`, envelope, object)
}

func TestDecodeRefuses(t *testing.T) {
	const rest = `"type": "invoice.paid", "created": 1500000000, "data": {"object": {"id": "in_1"}}}`
	for name, tc := range map[string]struct{ body, want string }{
		"nothing":              {``, "not a JSON object: EOF"},
		"bad JSON":             {`{"id": "evt_1",`, "not a JSON object: unexpected EOF"},
		"an array":             {`[]`, "not a JSON object: json: cannot unmarshal array into Go value" + ofType},
		"null":                 {`null`, "not a JSON object: null"},
		"a string":             {`"evt_1"`, "not a JSON object: json: cannot unmarshal string into Go value" + ofType},
		"something after it":   {`{"id": "evt_1", ` + rest + `{}`, "not a JSON object: more data follows it"},
		"garbage after it":     {`{"id": "evt_1", ` + rest + `]`, "not a JSON object: more data follows it"},
		"another object":       {`{"object": "list", "data": []}`, `the body is a "list", not an event`},
		"no id":                {`{` + rest, "the event has no id"},
		"an id of null":        {`{"id": null, ` + rest, "the event has no id"},
		"an empty id":          {`{"id": "", ` + rest, "the event has no id"},
		"an id that is number": {`{"id": 7, ` + rest, "id: want an id, got a number"},
		"an id that is list":   {`{"id": ["evt_1"], ` + rest, "id: want an id, got a list"},
		"an id too long":       {`{"id": "` + strings.Repeat("e", 256) + `", ` + rest, badID},
		"an id with a newline": {`{"id": "evt_1\n", ` + rest, badID},
		"an id with NUL":       {`{"id": "evt_\u0000", ` + rest, badID},
		"an id that turns":     {`{"id": "evt_\u202e1", ` + rest, badID},
		"no type":              {body(`"id": "evt_1", "created": 1500000000`, ``), "the event has no type"},
		"a type that is list":  {body(`"id": "evt_1", "type": [], "created": 1500000000`, ``), "type: want a string, got a list"},
		"no time":              {body(`"id": "evt_1", "type": "invoice.paid"`, ``), "the event has no creation time"},
		"a time of zero":       {body(`"id": "evt_1", "type": "invoice.paid", "created": 0`, ``), "the event has no creation time"},
		"a time before 1970":   {body(`"id": "evt_1", "type": "invoice.paid", "created": -1`, ``), badTime},
		"a time after 9999":    {body(`"id": "evt_1", "type": "invoice.paid", "created": 253402300800`, ``), badTime},
		"a time in words":      {body(`"id": "evt_1", "type": "x", "created": "now"`, ``), "created: want an integer, got a string"},
		"no data":              {`{"id": "evt_1", "type": "invoice.paid", "created": 1500000000}`, noObject},
		"data without object":  {`{"id": "evt_1", "type": "invoice.paid", "created": 1500000000, "data": {}}`, noObject},
		"an object of null":    {`{"id": "evt_1", "type": "invoice.paid", "created": 1500000000, "data": {"object": null}}`, noObject},
		"a list of objects":    {`{"id": "evt_1", "type": "invoice.paid", "created": 1500000000, "data": {"object": [{}]}}`, noObject},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decoder.Decode([]byte(tc.body))
			if err == nil {
				t.Fatalf("decoded as %+v", got)
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

const (
	noObject = "the event has no object (data.object)"
	badTime  = "created: not a time from 1970 to 9999"
	ofType   = " of type map[string]interface {}"
	badID    = "id: not a valid id: longer than 255 bytes, or with unprintable characters"
)

func TestDecodeAccepts(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want projection.Event
	}{
		"a type that is not handled": { // it is recorded for the audit trail, with its links
			body: body(`"object": "event", "id": "evt_1", "type": "credit_note.created", "created": 1500000000, "livemode": true`,
				`"id": "in_1", "object": "invoice", "customer": "cus_1", "subscription": "sub_1", "charge": "ch_1",
				 "payment_intent": "pi_1", "amount_due": "not read"`),
			want: projection.Event{
				EventID: "evt_1", Type: "credit_note.created", Livemode: true, ObjectID: "in_1", ObjectKind: "invoice",
				CustomerID: "cus_1", SubscriptionID: "sub_1", ChargeID: "ch_1", PaymentIntentID: "pi_1",
			},
		},
		"no kind of its own": {
			body: body(`"id": "evt_1", "type": "balance.available", "created": 1500000000`, `"livemode": false`),
			want: projection.Event{EventID: "evt_1", Type: "balance.available"},
		},
		"an expanded customer": {
			body: body(`"id": "evt_1", "type": "x", "created": 1500000000`, `"customer": {"id": "cus_1", "object": "customer"}`),
			want: projection.Event{EventID: "evt_1", Type: "x", CustomerID: "cus_1"},
		},
		"a deleted customer": {
			body: body(`"id": "evt_1", "type": "customer.deleted", "created": 1500000000`, `"id": "cus_1", "object": "customer"`),
			want: projection.Event{
				EventID: "evt_1", Type: "customer.deleted", CustomerID: "cus_1", ObjectID: "cus_1", ObjectKind: "customer",
				Customer: &v1alpha1.CustomerRecord{Deleted: true},
			},
		},
		"a connected account": {
			body: body(`"id": "evt_1", "type": "x", "created": 1500000000, "account": "acct_1", "api_version": null`, ``),
			want: projection.Event{EventID: "evt_1", Type: "x", Account: "acct_1"},
		},
		"an account of an organization": {
			body: body(`"id": "evt_1", "type": "x", "created": 1500000000, "context": "acct_1"`, ``),
			want: projection.Event{EventID: "evt_1", Type: "x", Context: "acct_1"},
		},
		"an account connected to one of an organization": {
			body: body(`"id": "evt_1", "type": "x", "created": 1500000000, "account": "acct_2", "context": "acct_1/acct_2"`, ``),
			want: projection.Event{EventID: "evt_1", Type: "x", Account: "acct_2", Context: "acct_1/acct_2"},
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

// The hash equals `sha256sum` of the body as received, including white space.
func TestDecodeHashesTheBody(t *testing.T) {
	const whole = `{"id":"evt_1","type":"x","created":1,"data":{"object":{}}}` + "\n"
	got, err := decoder.Decode([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("31cd0aa154303e430f0faba9c1b0756f8973dd9ec50ba26e240aff74c4ba6e15", got.PayloadSHA256); diff != "" {
		t.Errorf("payloadSHA256 (-want +got):\n%s", diff)
	}
}

// A value that cannot be read costs only itself, unless the event is of no use without it. Warnings and errors leave out
// the values, which may be personal data.
func TestDecodeIsLenient(t *testing.T) {
	for name, tc := range map[string]struct {
		eventType, object string
		warnings          []string
		err               string
	}{
		"texts": {eventType: "customer.updated", object: `"email": ["secret@example.com"], "delinquent": "secret"`,
			warnings: []string{"email: want a string, got a list", "delinquent: want true or false, got a string"}},
		"amounts": {eventType: "invoice.paid", object: `"amount_due": "secret", "attempt_count": 98765432101`,
			warnings: []string{"amount_due: want an integer, got a string", "attempt_count: does not fit in 32 bits"}},
		"a time": {eventType: "charge.succeeded", object: `"created": {"secret": 1}`,
			warnings: []string{"created: want an integer, got an object"}},
		"a list": {eventType: "customer.subscription.updated", object: `"items": {"data": {"secret": 1}}`,
			warnings: []string{"items.data: want a list, got an object"}},
		"the same in every item": {eventType: "customer.subscription.updated", object: `"items": {"data": [{"quantity": "x"}, {"quantity": "y"}]}`,
			warnings: []string{"items.data[].quantity: want an integer, got a string"}},
		"the status of a price": {eventType: "customer.subscription.updated", object: `"items": {"data": [{"price": {"status": 1, "id": 2}}]}`,
			warnings: []string{"items.data[].price.id: want an id, got a number"}},
		"links that are not needed": {eventType: "charge.dispute.created", object: `"charge": 7, "payment_intent": "pi_1"`,
			warnings: []string{"charge: want an id, got a number"}},
		"an Account beside the customer": {eventType: "customer.subscription.updated", object: `"customer": "cus_1", "customer_account": 7`,
			warnings: []string{"customer_account: want an id, got a number"}},
		"the customer": {eventType: "invoice.paid", object: `"customer": 98765, "charge": {"id": 98765}`,
			warnings: []string{"charge.id: want an id, got a number"}, err: "customer: want an id, got a number"},
		"the id of the customer": {eventType: "customer.subscription.deleted", object: `"customer": {"id": []}`, err: "customer.id: want an id, got a list"},
		"the Account alone":      {eventType: "customer.subscription.deleted", object: `"customer_account": 7`, err: "customer_account: want an id, got a number"},
		"the id":                 {eventType: "customer.updated", object: `"id": 7`, err: "id: want an id, got a number"},
		"the status of a subscription": {eventType: "customer.subscription.updated", object: `"status": 7, "quantity": 1`,
			err: "status: want a string, got a number"},
		"the subscription of an invoice": {eventType: "invoice.paid", object: `"subscription": true`, err: "subscription: want an id, got a boolean"},
		"both links of a dispute": {eventType: "charge.dispute.created", object: `"charge": 7, "payment_intent": 8`,
			err: "charge: want an id, got a number; payment_intent: want an id, got a number"},
		"the amount of a payment": {eventType: "charge.succeeded", object: `"amount": 19.5`, err: "amount: want an integer, got a number"},
		"the payment intent of a payment": {eventType: "charge.succeeded", object: `"id": "ch_1", "object": "charge", "payment_intent": 7`,
			err: "payment_intent: want an id, got a number"},
		"the payment intent of a checkout": {eventType: "checkout.session.completed", object: `"payment_intent": 7`,
			err: "payment_intent: want an id, got a number"},
		"the invoice of a purchase": {eventType: "checkout.session.completed", object: `"mode": "payment", "invoice": 7`,
			err: "invoice: want an id, got a number"},
		"features that are no objects": {eventType: "entitlements.active_entitlement_summary.updated", object: `"entitlements": {"data": ["ent_1"]}`,
			err: "entitlements.data[]: want an object, got a string"},
		"features that are no list": {eventType: "entitlements.active_entitlement_summary.updated", object: `"entitlements": 7`,
			err: "entitlements: want an object, got a number"},
		"the start of a phase": {eventType: "subscription_schedule.updated", object: `"subscription": "sub_1", "phases": [{"start_date": "soon"}]`,
			err: "phases[].start_date: want an integer, got a string"},
		"the current phase": {eventType: "subscription_schedule.updated", object: `"subscription": "sub_1", "phases": [{}], "current_phase": 7`,
			err: "current_phase: want an object, got a number"},
		"the items of a subscription": {eventType: "customer.subscription.updated", object: `"items": 7`,
			warnings: []string{"items: want an object, got a number"}},
		"an id of many bytes": {eventType: "invoice.paid", object: `"customer": "` + strings.Repeat("s", 300) + `"`,
			err: "customer: not a valid id: longer than 255 bytes, or with unprintable characters"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decoder.Decode([]byte(body(`"id": "evt_1", "created": 1500000000, "type": "`+tc.eventType+`"`, tc.object)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.err, got.DecodeError); diff != "" {
				t.Errorf("decodeError (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.warnings, got.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// A cancellation with an unreadable quantity is a cancellation, and the quantity is not known instead of absent.
func TestAnUnreadableQuantityDoesNotCostTheCancellation(t *testing.T) {
	got, err := decoder.Decode([]byte(body(`"id": "evt_1", "created": 1500000000, "type": "customer.subscription.deleted"`, `
		"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "canceled", "ended_at": 1500000000,
		"items": {"data": [{"quantity": 1.5, "price": {"id": "price_1"}}, {"quantity": 2, "price": {"id": "price_2"}}]}`)))
	if err != nil || got.DecodeError != "" {
		t.Fatal(err, got.DecodeError)
	}
	want := &v1alpha1.SubscriptionRecord{SubscriptionState: v1alpha1.SubscriptionState{
		Status: "canceled", EndedAt: at("2017-07-14T02:40:00Z"),
		Items:            []v1alpha1.SubscriptionItem{{Price: "price_1"}, {Price: "price_2", Quantity: new(int64(2))}},
		UnreadableFields: []string{"items.data[].quantity"},
	}} // without hashes: a state that is not known whole is no evidence of what comes next
	if diff := cmp.Diff(want, got.Subscription); diff != "" {
		t.Errorf("subscription (-want +got):\n%s", diff)
	}
}

// Warnings are bounded in number and length, and cut at a character.
func TestWarningsAreBounded(t *testing.T) {
	var problems []stripejson.Problem
	for i := range 100 {
		problems = append(problems, stripejson.Problem{Path: fmt.Sprintf("a%d", i), What: strings.Repeat("€", 200)})
	}
	var e projection.Event
	if err := judge("customer", problems, &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Warnings) != 16 {
		t.Errorf("%d warnings, want 16", len(e.Warnings))
	}
	for _, w := range e.Warnings {
		if len(w) > 256 || len(w) < 253 || !utf8.ValidString(w) {
			t.Errorf("a warning has %d bytes, valid: %t", len(w), utf8.ValidString(w))
		}
	}
}

// Every record has decided which of its fields are essential.
func TestEveryRecordHasEssentialFields(t *testing.T) {
	for _, types := range [][]Type{All(), Families(), slices.Collect(maps.Values(readingTypes))} {
		for _, handled := range types {
			if _, decided := essential[handled.Record]; !decided && handled.Record != "" {
				t.Errorf("%s: the table essential lacks the record %q", handled.Name, handled.Record)
			}
		}
	}
}

// A panic while an object is read costs only the record.
func TestDecodeSurvivesAPanic(t *testing.T) {
	const name = "test.bug"
	register(Type{Name: name, read: func(_ Payload, e *projection.Event) {
		e.Customer = &v1alpha1.CustomerRecord{Email: strings.Repeat("half read", 1000)}
		_ = e.Invoice.ID // a nil pointer
	}})
	defer delete(catalogue, name)
	got, err := decoder.Decode([]byte(body(`"id": "evt_1", "type": "test.bug", "created": 1500000000`, `"id": "x_1", "customer": "cus_1"`)))
	if err != nil {
		t.Fatal(err)
	}
	const want = "the operator panicked on it, which is a bug: runtime error: invalid memory address or nil pointer dereference"
	if got.DecodeError != want || got.CustomerID != "cus_1" || got.PayloadSHA256 == "" || got.Customer != nil {
		t.Errorf("decoded as %+v, want the envelope and the error %q", got, want)
	}
}

// An event that is read as several records has none: it is not known which one is right. The same holds when it is read again.
func TestDecodeKeepsOneRecordAtMost(t *testing.T) {
	const name = "test.bug"
	register(Type{Name: name, read: func(_ Payload, e *projection.Event) {
		e.Customer, e.Invoice = &v1alpha1.CustomerRecord{}, &v1alpha1.InvoiceRecord{}
	}})
	defer delete(catalogue, name)
	event := []byte(body(`"id": "evt_1", "type": "test.bug", "created": 1500000000`, `"id": "x_1", "customer": "cus_1"`))
	got, err := decoder.Decode(event)
	if err != nil {
		t.Fatal(err)
	}
	const want = "the event was read as 2 records, and none is stored: this is a fault of Tollkeeper, please report it"
	if got.DecodeError != want || got.CustomerID != "cus_1" || got.PayloadSHA256 == "" || HasRecord(got) {
		t.Errorf("decoded as %+v, want the envelope and the error %q", got, want)
	}
	if again, err := decoder.Refetch(got, event); err == nil || err.Error() != want {
		t.Errorf("read again as %+v, %v", again, err)
	}
}

// If the API server rejects a record, the event is stored without it; the envelope stays.
func TestWithoutRecord(t *testing.T) {
	for _, eventType := range handled {
		for _, name := range payloads(t, eventType) {
			body := bytes.ReplaceAll(payload(t, eventType, name),
				[]byte(`"livemode": false,`), []byte(`"livemode": true, "account": "acct_1",`))
			whole, err := decoder.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			bare := WithoutRecord(whole, "because these fields are invalid: spec.invoice.status")
			if got := records(t, bare); got != nil {
				t.Errorf("%s/%s: has the records %v", eventType, name, got)
			}
			if diff := cmp.Diff("the record could not be stored: the API server refused it because these fields are invalid: spec.invoice.status", bare.DecodeError); diff != "" {
				t.Errorf("decodeError (-want +got):\n%s", diff)
			}
			recordsAndError := cmpopts.IgnoreFields(v1alpha1.BillingEventSpec{}, "DecodeError", "Subscription", "Invoice", "Payment",
				"Refund", "Dispute", "Checkout", "Customer", "PaymentMethod", "Setup", "Product", "Schedule", "Discount", "Features")
			if diff := cmp.Diff(whole, bare, recordsAndError); diff != "" {
				t.Errorf("%s/%s: envelope (-want +got):\n%s", eventType, name, diff)
			}
		}
	}
}

func TestWithoutRecordBoundsTheFields(t *testing.T) {
	const most = 1024 // as BillingEvent.spec.decodeError
	for _, fields := range []string{strings.Repeat("spec.items, ", 1000), strings.Repeat("é", 1000), strings.Repeat("€", 1000)} {
		got := WithoutRecord(&projection.Event{}, fields).DecodeError
		if len(got) > most || len(got) < most-3 || !utf8.ValidString(got) {
			t.Errorf("decodeError has %d bytes, valid: %t; want %d, cut at a character", len(got), utf8.ValidString(got), most)
		}
	}
}
