package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripefixtures"
)

// withoutFixture are the types of the catalogue whose objects are not among the fixtures.
var withoutFixture = []string{"customer.discount.", "subscription_schedule.", "radar.early_fraud_warning."}

// from says where a field of a record comes from: the paths in Stripe's object, the newest first. "*" stands for an index.
type from struct {
	paths []string
	as    func(value any) any // nil leaves the value as it is
}

func at1(paths ...string) from { return from{paths: paths} }

func timeAt(paths ...string) from { return from{paths: paths, as: unixTime} }

func idAt(paths ...string) from { return from{paths: paths, as: idOf} }

// nowhere is the source of fields that the fixtures do not have.
var nowhere = from{}

func unixTime(value any) any {
	n, _ := value.(json.Number).Int64()
	return time.Unix(n, 0).UTC().Format(time.RFC3339)
}

// idOf is the id of an object that may be expanded.
func idOf(value any) any {
	if expanded, ok := value.(map[string]any); ok {
		return expanded["id"]
	}
	return value
}

func lower(value any) any { return strings.ToLower(value.(string)) }

// links are the envelope's fields that the object fills, by kind where it matters.
func links(kind string) map[string]from {
	own := map[string]from{
		"objectID": at1("id"), "objectKind": at1("object"),
		"customerID": idAt("customer"), "customerAccount": at1("customer_account"),
		"subscriptionID":  idAt("parent.subscription_details.subscription", "subscription"),
		"chargeID":        idAt("latest_charge", "charge", "payment.charge", "charges.data.0"),
		"paymentIntentID": idAt("payment_intent", "payment.payment_intent", "payments.data.0.payment.payment_intent"),
	}
	if field := map[string]string{
		"customer": "customerID", "subscription": "subscriptionID", "charge": "chargeID", "payment_intent": "paymentIntentID",
	}[kind]; field != "" {
		own[field] = at1("id")
	}
	return own
}

// method are the fields of a payment method below a path: of one that holds its details itself, and under its type.
func method(field, path, details, kind string) map[string]from {
	return map[string]from{
		field + "id": idAt(path + "id"), field + "kind": at1(kind),
		field + "brand": {[]string{details + "brand", details + "bank_name"}, lower}, field + "last4": at1(details + "last4"),
		field + "expMonth": at1(details + "exp_month"), field + "expYear": at1(details + "exp_year"),
	}
}

func failure(path string) map[string]from {
	return map[string]from{
		"failure.code": at1(path+"code", path+"type"), "failure.declineCode": at1(path + "decline_code"), "failure.message": at1(path + "message"),
	}
}

func joined(tables ...map[string]from) map[string]from {
	all := map[string]from{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

// fields are the fields of each record by the kind of object: a new field without a source fails.
var fields = map[string]map[string]from{
	"subscription": {
		"status": at1("status"), "startedAt": timeAt("start_date", "created"),
		"currentPeriodStart": timeAt("items.data.0.current_period_start", "current_period_start"),
		"currentPeriodEnd":   timeAt("items.data.0.current_period_end", "current_period_end"),
		"trialStart":         timeAt("trial_start"), "trialEnd": timeAt("trial_end"), "cancelAt": timeAt("cancel_at"),
		"cancelAtPeriodEnd": at1("cancel_at_period_end"), "canceledAt": timeAt("canceled_at"), "endedAt": timeAt("ended_at"),
		"cancellationReason": at1("cancellation_details.reason"), "moreItems": at1("items.has_more"), "testClock": idAt("test_clock"),
		"pausedBy":                 at1("status_details.paused.subscription.type"),
		"pauseCollection.behavior": at1("pause_collection.behavior"), "pauseCollection.resumesAt": timeAt("pause_collection.resumes_at"),
		"collectionMethod": at1("collection_method"), "defaultPaymentMethodID": idAt("default_payment_method", "default_source"),
		"items.*.price": at1("items.data.*.price.id"), "items.*.product": idAt("items.data.*.price.product"),
		"items.*.lookupKey": at1("items.data.*.price.lookup_key"), "items.*.nickname": at1("items.data.*.price.nickname"),
		"items.*.quantity": at1("items.data.*.quantity"), "items.*.unitAmount": at1("items.data.*.price.unit_amount"),
		"items.*.currency": at1("items.data.*.price.currency"), "items.*.interval": at1("items.data.*.price.recurring.interval"),
		"items.*.intervalCount": at1("items.data.*.price.recurring.interval_count"),
	},
	"invoice": {
		"id": at1("id"), "number": at1("number"), "status": at1("status"), "billingReason": at1("billing_reason"), "currency": at1("currency"),
		"amountDue": at1("amount_due"), "amountPaid": at1("amount_paid"), "amountRemaining": at1("amount_remaining"),
		"attemptCount": at1("attempt_count"), "nextPaymentAttempt": timeAt("next_payment_attempt"), "created": timeAt("created"),
		"paidAt": timeAt("status_transitions.paid_at"), "dueAt": timeAt("due_date"), "email": at1("customer_email"), "name": at1("customer_name"),
		"moreLines": at1("lines.has_more"), "periodStart": nowhere, "periodEnd": nowhere, // the line bills no service
	},
	"charge": joined(method("paymentMethod.", "payment_method", "payment_method_details.card.", "payment_method_details.type"), failure("failure_"), map[string]from{
		"status": at1("status"), "amount": at1("amount"), "currency": at1("currency"), "invoiceID": idAt("invoice"), "created": timeAt("created"),
		"paymentMethod.id": idAt("payment_method", "source"), "uncaptured": {[]string{"captured"}, func(value any) any { return value == false }},
	}),
	"payment_intent": joined(failure("last_payment_error."), map[string]from{
		"status": at1("status"), "amount": at1("amount"), "currency": at1("currency"), "invoiceID": idAt("invoice"), "created": timeAt("created"),
		"paymentMethod.id": idAt("payment_method", "source"),
	}),
	"invoice_payment": {
		"status": at1("status"), "amount": at1("amount_paid", "amount_requested"), "currency": at1("currency"), "invoiceID": idAt("invoice"),
		"created": timeAt("created"),
	},
	"refunded charge": {
		"amount": at1("amount"), "amountRefunded": at1("amount_refunded"), "currency": at1("currency"), "full": at1("refunded"),
		"chargedAt": timeAt("created"), "invoiceID": idAt("invoice"),
	},
	"failed refund": {"amount": at1("amount"), "currency": at1("currency"), "failedRefundID": at1("id")},
	"dispute": {
		"reason": at1("reason"), "status": at1("status"), "amount": at1("amount"), "currency": at1("currency"),
		"evidenceDueBy": timeAt("evidence_details.due_by"), "created": timeAt("created"),
	},
	"checkout.session": {
		"mode": at1("mode"), "paymentStatus": at1("payment_status"), "clientReferenceID": at1("client_reference_id"),
		"email": at1("customer_details.email", "customer_email"), "name": at1("customer_details.name"), "amountTotal": at1("amount_total"),
		"currency": at1("currency"), "created": timeAt("created"), "invoiceID": idAt("invoice"), "pricesRead": nowhere,
	},
	"customer": {
		"email": at1("email"), "name": at1("name"), "delinquent": at1("delinquent"),
		"defaultPaymentMethodID": idAt("invoice_settings.default_payment_method", "default_source"),
	},
	"card":           joined(method("", "", "", "object"), map[string]from{"id": at1("id")}),
	"bank_account":   joined(method("", "", "", "object"), map[string]from{"id": at1("id")}),
	"payment_method": joined(method("", "", "card.", "type"), map[string]from{"id": at1("id")}),
	"source":         joined(method("", "", "ach_credit_transfer.", "type"), map[string]from{"id": at1("id")}),
	"setup_intent": joined(failure("last_setup_error."), map[string]from{
		"created": timeAt("created"), "status": at1("status"), "paymentMethod.id": idAt("payment_method", "last_setup_error.payment_method"),
	}),
	"product": {"name": at1("name"), "notFound": at1("deleted")},
}

// tableOf selects the fields of a type's record. A few types read the same kind of object in another way.
func tableOf(e *projection.Event, kind string) map[string]from {
	is := func(value any) from { return from{[]string{"object"}, func(any) any { return value }} }
	switch {
	case e.Customer != nil && e.Customer.Deleted:
		return map[string]from{"deleted": is(true)}
	case e.Refund != nil && kind == "charge":
		return fields["refunded charge"]
	case e.Refund != nil:
		return fields["failed refund"]
	case e.Type == "invoice.deleted":
		return joined(fields[kind], map[string]from{"status": is("deleted")})
	case e.Type == "customer.source.expiring":
		return joined(fields[kind], map[string]from{"expiring": is(true)})
	case e.Type == "customer.source.deleted", e.Type == "payment_method.detached":
		return joined(fields[kind], map[string]from{"detached": is(true)})
	default:
		return fields[kind]
	}
}

// Objects that nobody here wrote, as events of every type that carries them, in each shape: all can be read, and each field of
// the record is the source's.
func TestStripesOwnObjectsAreReadFieldByField(t *testing.T) {
	var types []string
	for _, kind := range append(All(), Families()...) {
		types = append(types, strings.Replace(kind.Name, "*", "of_the_future", 1))
	}
	carried := map[string]bool{}
	for _, fixture := range stripefixtures.All() {
		for _, eventType := range types {
			if !stripefixtures.Carries(eventType, fixture.Kind) || strings.HasPrefix(eventType, "entitlements.") { // tested with its lists
				continue
			}
			carried[eventType] = true
			t.Run(fixture.Version+"/"+fixture.Kind+"/"+eventType, func(t *testing.T) {
				for _, fixture := range []stripefixtures.Fixture{fixture, fixture.WithDistinctTimes()} {
					e, err := (Decoder{}).Decode(fixture.Event("evt_1", eventType, 1700000000))
					if err != nil || e.DecodeError != "" {
						t.Fatalf("%v %s", err, e.DecodeError)
					}
					checkFields(t, e, fixture)
				}
			})
		}
	}
	for _, eventType := range types {
		isWithout := slices.ContainsFunc(withoutFixture, func(prefix string) bool { return strings.HasPrefix(eventType, prefix) })
		if carried[eventType] == isWithout && !strings.HasPrefix(eventType, "entitlements.") {
			t.Errorf("%s is carried by a fixture: %t, and listed without one: %t", eventType, carried[eventType], isWithout)
		}
	}
}

func checkFields(t *testing.T, e *projection.Event, fixture stripefixtures.Fixture) {
	t.Helper()
	var source any
	numbers := json.NewDecoder(bytes.NewReader(fixture.Object))
	numbers.UseNumber()
	if err := numbers.Decode(&source); err != nil {
		t.Fatal(err)
	}
	envelope := inJSON(t, e).(map[string]any)
	got := map[string]any{}
	for field := range links(fixture.Kind) {
		got[field] = envelope[field]
	}
	table := links(fixture.Kind)
	for _, record := range records(t, e) {
		flatten(record, envelope[record], got)
		for field, source := range tableOf(e, fixture.Kind) {
			table[record+"."+field] = source
		}
	}
	want := map[string]any{}
	for field, from := range table {
		expect(want, field, from, source)
	}
	for _, state := range []map[string]any{got, want} {
		maps.DeleteFunc(state, func(field string, value any) bool {
			return isZero(value) || strings.HasSuffix(field, ".stateBefore") || strings.HasSuffix(field, ".stateAfter")
		})
	}
	if diff := cmp.Diff(inJSON(t, want), any(got)); diff != "" {
		t.Errorf("fields (-source +event):\n%s", diff)
	}
}

// expect adds what a field must hold, for each index that "*" stands for.
func expect(want map[string]any, field string, from from, source any) {
	for i := range 20 {
		index := fmt.Sprint(i)
		for _, path := range from.paths {
			value := lookup(source, strings.Replace(path, "*", index, 1))
			if value == nil {
				continue
			}
			if from.as != nil {
				value = from.as(value)
			}
			want[strings.Replace(field, "*", index, 1)] = value
			break
		}
		if !strings.Contains(field, "*") {
			return
		}
	}
}

// lookup is the value at a dotted path of a JSON value; nil if there is none.
func lookup(value any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// flatten lists the leaves of a JSON value by their dotted paths.
func flatten(path string, value any, leaves map[string]any) {
	switch v := value.(type) {
	case map[string]any:
		for key, element := range v {
			flatten(path+"."+key, element, leaves)
		}
	case []any:
		for i, element := range v {
			flatten(fmt.Sprintf("%s.%d", path, i), element, leaves)
		}
	default:
		leaves[path] = value
	}
}

// isZero reports whether a value counts as absent: records leave out empty values.
func isZero(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case float64:
		return v == 0
	case json.Number:
		return v == "0"
	default:
		return false
	}
}
