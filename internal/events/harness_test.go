package events

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// The ids in the payloads of testdata.
const (
	customerID     = "cus_TollKite01"
	subscriptionID = "sub_1TollKiteMonthly"
	invoiceID      = "in_1TollKiteInvoice"
	chargeID       = "ch_1TollKiteCharge"
	intentID       = "pi_3TollKiteIntent"
	setupID        = "seti_1TollKiteSetup"
	cardID         = "card_1TollKiteCard"
	methodID       = "pm_1TollKiteMethod"
)

var decoder = Decoder{MetadataPrefix: "tollkeeper_"}

// eventCase is the content of testdata/<type>/<case>.json, and its effect on an unknown customer.
type eventCase struct {
	// event holds the links and the record. The rest of the envelope is read from the payload again.
	event projection.Event
	// customer and subscription are the statuses after the event, without the parts that shows fills in.
	customer     v1alpha1.CustomerStatus
	subscription v1alpha1.SubscriptionStatus
}

// shows fills in the parts of the statuses that a type copies from the record.
type shows func(e *projection.Event, c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus)

// testType decodes and folds every payload of the type.
func testType(t *testing.T, eventType string, shows shows, cases map[string]eventCase) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(cases)), payloads(t, eventType)); diff != "" {
		t.Errorf("cases and files of testdata/%s (-want +got):\n%s", eventType, diff)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			body := payload(t, eventType, name)
			want := tc.event
			readEnvelopeAgain(t, body, &want)
			if invoice := want.Invoice; invoice != nil && invoice.Status == "paid" {
				invoice.ChargeID, invoice.PaymentIntentID = want.ChargeID, want.PaymentIntentID
			}
			got, err := decoder.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got, cmpopts.IgnoreTypes(v1alpha1.Trace{})); diff != "" { // tested in trace_test.go
				t.Fatalf("event (-want +got):\n%s", diff)
			}
			checkFold(t, got, wantStatuses(&want, tc, shows))
		})
	}
}

// testRecorded decodes every payload of a type that is kept for the audit trail only.
func testRecorded(t *testing.T, eventType string, cases map[string]projection.Event) {
	t.Helper()
	if diff := cmp.Diff(slices.Sorted(maps.Keys(cases)), payloads(t, eventType)); diff != "" {
		t.Errorf("cases and files of testdata/%s (-want +got):\n%s", eventType, diff)
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			body := payload(t, eventType, name)
			readEnvelopeAgain(t, body, &want)
			got, err := decoder.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, got, cmpopts.IgnoreTypes(v1alpha1.Trace{})); diff != "" {
				t.Fatalf("event (-want +got):\n%s", diff)
			}
			if RecordedOnly(got) == "" || Change(got).Effects != nil {
				t.Error("the event is folded")
			}
		})
	}
}

// readEnvelopeAgain fills in the envelope independently of the decoder.
func readEnvelopeAgain(t *testing.T, body []byte, e *projection.Event) {
	t.Helper()
	var envelope struct {
		ID         string `json:"id"`
		Type       string `json:"type"`
		APIVersion string `json:"api_version"`
		Created    int64  `json:"created"`
		Livemode   bool   `json:"livemode"`
		Data       struct {
			Object struct {
				ID     string `json:"id"`
				Object string `json:"object"`
			} `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		t.Fatal(err)
	}
	e.EventID, e.Type, e.APIVersion, e.Livemode = envelope.ID, envelope.Type, envelope.APIVersion, envelope.Livemode
	e.Created = metav1.Time{Time: time.Unix(envelope.Created, 0).UTC()}
	e.ObjectID, e.ObjectKind = envelope.Data.Object.ID, envelope.Data.Object.Object
	e.PayloadSHA256 = fmt.Sprintf("%x", sha256.Sum256(body))
}

func wantStatuses(e *projection.Event, tc eventCase, shows shows) projection.Aggregate {
	customer, subscription := tc.customer, tc.subscription
	shows(e, &customer, &subscription)
	last := &v1alpha1.EventReference{ID: e.EventID, Type: e.Type, Created: e.Created}
	customer.Livemode, customer.LastEvent, subscription.LastEvent = &e.Livemode, last, last
	want := projection.Aggregate{Customer: customer}
	if e.SubscriptionID != "" {
		want.Subscriptions = map[string]*v1alpha1.SubscriptionStatus{e.SubscriptionID: &subscription}
	}
	return want
}

// checkFold folds the event twice: a second delivery of it is applied as well, and changes nothing.
func checkFold(t *testing.T, e *projection.Event, want projection.Aggregate) {
	t.Helper()
	positions := cmp.Options{ // tested in internal/projection
		cmpopts.IgnoreFields(v1alpha1.CustomerStatus{}, "Positions"),
		cmpopts.IgnoreFields(v1alpha1.SubscriptionStatus{}, "Positions"),
	}
	var aggregate projection.Aggregate
	for _, time := range []string{"first", "second"} {
		outcomes, _ := projection.Fold(&aggregate, []projection.Change{Change(e)})
		if diff := cmp.Diff([]v1alpha1.Outcome{v1alpha1.OutcomeApplied}, outcomes); diff != "" {
			t.Errorf("%s outcome (-want +got):\n%s", time, diff)
		}
		if diff := cmp.Diff(want, aggregate, positions); diff != "" {
			t.Errorf("statuses after the %s fold (-want +got):\n%s", time, diff)
		}
	}
}

// payloads lists the cases of the type in testdata.
func payloads(t testing.TB, eventType string) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join("testdata", eventType))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(file.Name(), ".json"))
	}
	return names
}

func payload(t testing.TB, eventType, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", eventType, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// at parses a time. A date alone means ten o'clock, as most times in testdata.
func at(text string) *metav1.Time {
	if !strings.Contains(text, "T") {
		text += "T10:00:00Z"
	}
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return &metav1.Time{Time: parsed}
}

// with is the value with a change.
func with[T any](value T, change func(*T)) T {
	change(&value)
	return value
}

// The item of most subscriptions in testdata: as a plan of 2017, as a plan since 2018, and as a price.
func item2017() v1alpha1.SubscriptionItem {
	return v1alpha1.SubscriptionItem{
		Price: "kite-monthly", Quantity: new(int64(1)), UnitAmount: new(int64(1900)), Currency: "eur",
		Interval: "month", IntervalCount: 1,
	}
}

func item2018() v1alpha1.SubscriptionItem {
	return with(item2017(), func(i *v1alpha1.SubscriptionItem) { i.Product, i.Nickname = "prod_TollKite", "Kite monthly" })
}

func item2020() v1alpha1.SubscriptionItem {
	return with(item2018(), func(i *v1alpha1.SubscriptionItem) {
		i.Price, i.LookupKey = "price_1TollKiteMonthly", "kite_monthly"
		i.Entitlements = map[string]v1alpha1.Value{"seats": "5"}
	})
}

// openInvoice is the usual invoice in testdata: of the first of October, for October.
func openInvoice(year string, changes ...func(*v1alpha1.Invoice)) v1alpha1.Invoice {
	invoice := v1alpha1.Invoice{
		ID: invoiceID, Number: "KITE-0042", Status: "open", Currency: "eur", AmountDue: 1900, AmountRemaining: 1900,
		Created: at(year + "-10-01"), PeriodStart: at(year + "-10-01"), PeriodEnd: at(year + "-11-01"),
	}
	if year > "2017" {
		invoice.BillingReason = "subscription_cycle"
	}
	for _, change := range changes {
		change(&invoice)
	}
	return invoice
}

// The two cards of testdata.
func visa() *v1alpha1.PaymentMethod {
	return &v1alpha1.PaymentMethod{ID: cardID, Kind: "card", Brand: "visa", Last4: "4242", ExpMonth: 4, ExpYear: 2019}
}

func mastercard() *v1alpha1.PaymentMethod {
	return &v1alpha1.PaymentMethod{ID: methodID, Kind: "card", Brand: "mastercard", Last4: "4444", ExpMonth: 11, ExpYear: 2029}
}

// showsState: the subscription's state is the record's, unless the case sets the status.
func showsState(e *projection.Event, c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus) {
	status := s.Status
	s.SubscriptionState = e.Subscription.SubscriptionState
	if status != "" {
		s.Status = status
	}
	c.CustomerSince = e.Subscription.StartedAt
	if s.Status == "past_due" || s.Status == "paused" {
		s.FirstSeen = map[string]metav1.Time{s.Status: e.Created}
	}
	lasted := s.EndedAt != nil && s.EndedAt.After(s.StartedAt.AddDate(0, 0, 1))
	if slices.Contains([]string{"trialing", "active", "past_due", "unpaid"}, s.Status) || s.TrialStart != nil || lasted {
		c.ServedSince = e.Subscription.StartedAt
	}
}

// showsInvoice: the invoice is the latest one, and has not failed unless the case says otherwise.
func showsInvoice(e *projection.Event, c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus) {
	invoice := &e.Invoice.Invoice
	c.LatestInvoice, s.LatestInvoice, c.CustomerSince = invoice, invoice, invoice.Created
	c.Email, c.Name = e.Invoice.Email, e.Invoice.Name
	if invoice.Status == "paid" && invoice.AmountPaid > 0 {
		paid := invoice.PaidAt
		if paid == nil {
			paid = &e.Created
		}
		showsFirstPayment(e, c, paid)
	}
	if s.PaidThrough != nil {
		s.PaidBy = &v1alpha1.PaidInvoice{
			InvoiceID: invoice.ID, Amount: invoice.AmountPaid, Currency: invoice.Currency, PaidAt: e.Created,
			ChargeID: e.ChargeID, PaymentIntentID: e.PaymentIntentID,
		}
		if invoice.PaidAt != nil {
			s.PaidBy.PaidAt = *invoice.PaidAt
		}
	}
}

// showsIntent: the payment intent is the latest one.
func showsIntent(e *projection.Event, c *v1alpha1.CustomerStatus, _ *v1alpha1.SubscriptionStatus) {
	p := e.Payment
	c.LatestPaymentIntent = &v1alpha1.Intent{ID: e.ObjectID, Created: p.Created, Status: p.Status, Failure: p.Failure}
}

// showsFirstPayment: the customer has paid for the first time, and so has what the event names.
func showsFirstPayment(e *projection.Event, c *v1alpha1.CustomerStatus, paid *metav1.Time) {
	c.PaidSince = paid
	for _, id := range []string{e.PaymentIntentID, e.SubscriptionID} { // in alphabetical order
		if id != "" {
			c.FirstPayments = append(c.FirstPayments, v1alpha1.FirstPayment{ID: id, At: *paid})
		}
	}
}

// showsPayment: the customer has paid, with the record's payment method.
func showsPayment(e *projection.Event, c *v1alpha1.CustomerStatus, _ *v1alpha1.SubscriptionStatus) {
	c.CustomerSince = e.Payment.Created
	showsFirstPayment(e, c, &e.Created)
	c.PaymentMethods = []v1alpha1.PaymentMethod{*e.Payment.PaymentMethod}
}

// showsProfile: the status shows the record's fields.
func showsProfile(e *projection.Event, c *v1alpha1.CustomerStatus, _ *v1alpha1.SubscriptionStatus) {
	r := e.Customer
	c.Email, c.Name, c.Delinquent, c.Metadata = r.Email, r.Name, r.Delinquent, r.Metadata
	c.DefaultPaymentMethodID = r.DefaultPaymentMethodID
}

// showsSetup: the setup is the latest one.
func showsSetup(e *projection.Event, c *v1alpha1.CustomerStatus, _ *v1alpha1.SubscriptionStatus) {
	c.LatestSetup = &v1alpha1.Intent{ID: e.ObjectID, Created: e.Setup.Created, Status: e.Setup.Status, Failure: e.Setup.Failure}
}

// showsNothing beyond the case's statuses.
func showsNothing(*projection.Event, *v1alpha1.CustomerStatus, *v1alpha1.SubscriptionStatus) {}
